"""Liveness touches nothing; readiness is off while the server drains."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def health_routes(ready: Callable[[], bool]) -> list[Route]:
    """``/healthz``, ``/readyz`` and the spellings that other gateways taught people."""

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readiness(_: Request) -> Response:
        return JSONResponse({"status": "ready"}) if ready() else JSONResponse({"status": "draining"}, 503)

    live = [Route(path, alive) for path in ("/healthz", "/livez", "/health/liveness", "/health/liveliness")]
    return [*live, *(Route(path, readiness) for path in ("/readyz", "/health/readiness"))]
