"""The outermost layer, plain ASGI: request id, standard headers, last-resort errors, one log line."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagegate.api.context import RequestRecord, attach, new_record
from imagegate.api.errors import ErrorWriter
from imagegate.errors import GatewayError

_UNLOGGED = frozenset({"/healthz", "/readyz"})


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
        except Exception:  # noqa: BLE001 - the last resort: a stranger gets no stack trace, the operator does
            self._crashed()
            if record.status:
                return
            error = GatewayError("Something went wrong in the gateway; try again, and report the x-request-id if it stays.")
            record.error = error
            await self._errors.response(error)(scope, receive, framed)
        finally:
            if scope["path"] not in _UNLOGGED:
                self._log(record, scope["method"], scope["path"])


def _standard(record: RequestRecord) -> list[tuple[bytes, bytes]]:
    elapsed = int((monotonic() - record.started) * 1000)
    return [
        (b"x-request-id", record.id.encode()),
        (b"openai-processing-ms", str(elapsed).encode()),
        (b"openai-version", b"2020-10-01"),
    ]
