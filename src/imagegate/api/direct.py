"""Straight to the routes whose paths are fixed: a look into a table in place of one pattern after the other."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send


class Direct:
    """Serves what a plain ``Route`` without parameters serves; everything else, errors included, is the router's business."""

    def __init__(self, router: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._router = router
        self._apps: dict[tuple[str, str], ASGIApp] = {}
        for route in routes:
            if isinstance(route, Route) and not route.param_convertors:
                for method in route.methods or ():
                    self._apps.setdefault((method, route.path), route.app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of any type."""
        direct = scope["type"] == "http" and not scope.get("root_path")
        app = self._apps.get((scope["method"], scope["path"])) if direct else None
        await (app or self._router)(scope, receive, send)
