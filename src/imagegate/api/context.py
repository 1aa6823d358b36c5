"""What is remembered of one HTTP request: filled on the way, printed as one log line at its end."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Scope

from imagegate.domain.images import Operation
from imagegate.errors import GatewayError
from imagegate.relay.relay import Report

_KEY = "imagegate.request"
_CLIENT_ID = re.compile(r"[A-Za-z0-9._:/-]{1,128}")


@dataclass(slots=True)
class RequestRecord:
    """One request. ``id``: our ``x-request-id``; ``client_id``: what the client sent. Times are monotonic seconds."""

    id: str
    client_id: str | None = None
    started: float = field(default_factory=monotonic)
    key_name: str | None = None
    operation: Operation | None = None
    stream: bool = False
    status: int = 0
    sent_bytes: int = 0
    report: Report | None = None
    error: GatewayError | None = None

    def line(self) -> dict[str, Any]:
        """The fields of the log line: no prompt, no picture, no key."""
        report, error = self.report, self.error
        fields: dict[str, Any] = {
            "request_id": self.id,
            "client_id": self.client_id,
            "status": self.status,
            "ms": round((monotonic() - self.started) * 1000, 1),
            "bytes": self.sent_bytes,
            "key": self.key_name,
            "operation": self.operation,
            "stream": self.stream or None,
        }
        if report is not None:
            fields |= {
                "model": report.model,
                "channel": report.channel,
                "upstream_model": report.upstream_model,
                "attempts": report.attempts,
                "images": report.images,
                "partials": report.partials or None,
            }
        if error is not None:
            fields |= {"error": type(error).__name__, "code": error.code, "param": error.param}
        return {name: value for name, value in fields.items() if value is not None}


def new_record(headers: Headers) -> RequestRecord:
    """A record with a fresh id; a client's own id is kept when it is short and harmless."""
    given = headers.get("x-request-id", "")
    return RequestRecord(f"req_{secrets.token_hex(12)}", given if _CLIENT_ID.fullmatch(given) else None)


def attach(scope: Scope, record: RequestRecord) -> None:
    """Put the record where the handlers find it."""
    scope[_KEY] = record


def record_of(scope: Scope) -> RequestRecord:
    """The record of this request; a stray one where no middleware ran."""
    record = scope.get(_KEY)
    return record if isinstance(record, RequestRecord) else RequestRecord("req_unknown")
