"""The outermost layer, plain ASGI: request id, standard headers, every error as a body, one log line."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagegate.api.context import RequestRecord, attach, new_record
from imagegate.api.errors import ErrorWriter
from imagegate.errors import GatewayError, RouteNotFound

_UNLOGGED = frozenset({"/healthz", "/readyz"})
_CLIENT_GONE = 499
"""In the log only: the client left before it had sent its request."""


class RequestFrame:
    """Wraps the whole application. ``log`` gets the record and the path (without query) when the answer is done."""

    def __init__(
        self, app: ASGIApp, errors: ErrorWriter, log: Callable[[RequestRecord, str, str], None], crashed: Callable[[], None]
    ) -> None:
        self._app = app
        self._errors = errors
        self._log = log
        self._crashed = crashed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other scopes pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = new_record(Headers(scope=scope))
        attach(scope, record)

        async def framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), *_standard(record)]}
            else:
                record.sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, framed)
        except ClientDisconnect:
            record.status = _CLIENT_GONE
        except Exception as error:  # noqa: BLE001 - the last resort: a stranger gets no stack trace, the operator does
            record.error = self._told(scope, error)
            if not record.status:
                response = self._errors.response(record.error)
                if isinstance(error, HTTPException):
                    response.headers.update(error.headers or {})  # Allow, which RFC 9110 §15.5.6 wants with 405
                await response(scope, receive, framed)
        finally:
            if scope["path"] not in _UNLOGGED:
                self._log(record, scope["method"], _shown(scope["path"]))

    def _told(self, scope: Scope, error: Exception) -> GatewayError:
        if isinstance(error, GatewayError):
            return error
        if isinstance(error, HTTPException):
            return _no_route(scope, error)
        self._crashed()
        return GatewayError("Something went wrong in the gateway; try again, and report the x-request-id if it stays.")


def _no_route(scope: Scope, error: HTTPException) -> GatewayError:
    method, path = scope["method"], _shown(scope["path"])
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return RouteNotFound(f"{path[:100]} does not take {method}; use {allowed}.", method_only=True)
    hint = "the base URL of an OpenAI client is this server's origin followed by /v1"
    if "/v1/v1" in path:
        hint = "/v1 stands twice: the base URL should end in one /v1"
    elif path.endswith("/") and len(path) > 1:
        hint = "leave out the slash at the end"
    return RouteNotFound(f"There is nothing at {method} {path[:100]}: {hint}.")


def _shown(path: str) -> str:
    """A caller's path without characters that act on a terminal or a log reader."""
    return path if path.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in path)


def _standard(record: RequestRecord) -> list[tuple[bytes, bytes]]:
    elapsed = int((monotonic() - record.started) * 1000)
    return [
        (b"x-request-id", record.id.encode()),
        (b"openai-processing-ms", str(elapsed).encode()),
        (b"openai-version", b"2020-10-01"),
    ]
