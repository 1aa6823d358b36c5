"""A handler as a plain ASGI application: Starlette's own wrapper would catch exceptions that the request frame catches anyway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Endpoint:
    """Calls ``handler`` with the request and sends what it returns; exceptions go to the request frame."""

    def __init__(self, handler: Callable[[Request], Awaitable[Response]]) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        response = await self._handler(Request(scope, receive, send))
        await response(scope, receive, send)
