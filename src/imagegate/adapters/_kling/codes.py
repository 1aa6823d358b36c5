"""Kling's error codes; a code other than 0 is an error, also with HTTP 200.

Source: app.klingai.com's API reference (error codes).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagegate.adapters.shape import verdicts
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.errors import BadResponse
from imagegate.upstream.client import Refusal

_VERDICTS: Mapping[int, Verdict] = {
    **dict.fromkeys(range(1000, 1005), Verdict.KEY),
    **dict.fromkeys((1100, 1101, 1102), Verdict.ACCOUNT),
    1103: Verdict.KEY,
    1200: Verdict.CALLER,
    1201: Verdict.CALLER,
    1202: Verdict.MODEL,
    1203: Verdict.MODEL,
    1300: Verdict.CONTENT,
    1301: Verdict.CONTENT,
    1302: Verdict.RATE,
    1303: Verdict.RATE,
    1304: Verdict.KEY,
    5000: Verdict.SERVER,
    5001: Verdict.BUSY,
    5002: Verdict.TIMEOUT,
}


def data_of(document: Any) -> Mapping[str, Any]:
    """``data`` of an answer. Raises what its ``code`` says."""
    if not isinstance(document, Mapping):
        raise BadResponse("The provider answered with something that is not the JSON it should be.")
    if document.get("code") != 0:
        verdict = verdict_of(document)
        if verdict is None:
            raise BadResponse("The provider reported a failure instead of a picture.")
        raise verdicts.judged(verdict, document, Refusal(200, {}, b""))
    data = document.get("data")
    return data if isinstance(data, Mapping) else {}


def verdict_of(document: Mapping[str, Any]) -> Verdict | None:
    """Of an answer's ``code``; None for an unknown one."""
    code = document.get("code")
    return _VERDICTS.get(code) if isinstance(code, int) else None
