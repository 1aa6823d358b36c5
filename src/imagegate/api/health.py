"""Liveness touches nothing; readiness is off while the server drains."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response


def health_routes(ready: Callable[[], bool]) -> APIRouter:
    """``/healthz``, ``/readyz`` and the spellings that other gateways taught people."""
    router = APIRouter(include_in_schema=False)

    async def alive() -> Response:
        return JSONResponse({"status": "ok"})

    async def readiness() -> Response:
        return JSONResponse({"status": "ready"}) if ready() else JSONResponse({"status": "draining"}, 503)

    for path in ("/healthz", "/livez", "/health/liveness", "/health/liveliness"):
        router.add_api_route(path, alive, methods=["GET", "HEAD"], response_model=None)
    for path in ("/readyz", "/health/readiness"):
        router.add_api_route(path, readiness, methods=["GET", "HEAD"], response_model=None)
    return router
