"""Reading request bodies: bounded while they arrive, with a deadline between two pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from imagegate.errors import InvalidRequest, RequestTimeout, TooLarge

_IDLE = 60.0
"""Seconds that a client may stay silent in the middle of a body."""
_MOST_DIGITS = 20
_STOPPED = "The request body stopped arriving; send it again."
_IN_THREAD = 1024 * 1024
"""Bytes from which JSON is parsed off the event loop."""


def content_length(request: Request) -> int | None:
    """The announced length in bytes; None when the body is chunked. Raises InvalidRequest on nonsense."""
    value = request.headers.get("content-length")
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS):
        raise InvalidRequest("Content-Length must be a whole number of bytes.", code="invalid_content_length")
    return int(value)


async def chunks(request: Request, idle: float = _IDLE) -> AsyncGenerator[bytes]:
    """The body as it arrives. ``idle``: seconds between two pieces. Raises RequestTimeout, ClientDisconnect."""
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(idle):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise RequestTimeout(_STOPPED) from error
        if chunk is None:
            return
        if chunk:
            yield chunk


async def _read(request: Request, limit: int, idle: float) -> bytearray:
    body = bytearray()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(idle) as deadline:
            while True:
                message = await request.receive()
                if message["type"] != "http.request":
                    raise ClientDisconnect
                body += message.get("body", b"")
                if len(body) > limit:
                    raise TooLarge(f"The body is larger than {limit} bytes; send pictures as multipart/form-data or by url.")
                if not message.get("more_body", False):
                    return body
                deadline.reschedule(loop.time() + idle)
    except TimeoutError as error:
        raise RequestTimeout(_STOPPED) from error


async def read_json_object(request: Request, limit: int, idle: float = _IDLE) -> dict[str, Any]:
    """The body as a JSON object of at most ``limit`` bytes. ``idle`` as above.

    Raises TooLarge, InvalidRequest, RequestTimeout, ClientDisconnect.
    """
    announced = content_length(request)
    if announced is not None and announced > limit:
        raise TooLarge(f"The body is larger than {limit} bytes; send pictures as multipart/form-data or by url.")
    body = await _read(request, limit, idle)
    if not body:
        raise InvalidRequest("The body is empty; send a JSON object.", code="invalid_json")
    try:
        parsed = orjson.loads(body) if len(body) < _IN_THREAD else await asyncio.to_thread(orjson.loads, body)
    except orjson.JSONDecodeError as error:
        message = f"The body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        raise InvalidRequest(message, code="invalid_json") from error
    if not isinstance(parsed, dict):
        raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
    return parsed
