"""What a call to a provider looks like before it is sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx2

from imagegate.upstream.outgoing import common_headers, outgoing


def made(content: bytes | AsyncGenerator[bytes] = b"", **more: str) -> httpx2.Request:
    common = common_headers({"Authorization": "Bearer k", "X-Own": "caf\xe9"})
    return outgoing("POST", "https://a.test/x", common, more, content, connect=2.0, deadline=9.0)


def test_a_calls_own_headers_win_and_the_common_ones_stay_as_they_are() -> None:
    assert dict(made(authorization="Bearer other").headers) == {
        "accept-encoding": "identity",
        "authorization": "Bearer other",
        "x-own": "caf\xe9",
    }
    assert made().headers["authorization"] == "Bearer k"


def test_nothing_but_bytes_and_deadlines_is_added() -> None:
    request = made(b"{}")
    assert isinstance(request.stream, httpx2.ByteStream)
    assert b"".join(request.stream) == b"{}"
    assert request.extensions == {"timeout": {"connect": 2.0}, "deadline": 9.0}


async def test_a_streamed_body_is_closed_with_its_request() -> None:
    closed = False

    async def source() -> AsyncGenerator[bytes]:
        nonlocal closed
        try:
            yield b"one"
            yield b"two"
        finally:
            closed = True

    stream = made(source()).stream
    assert isinstance(stream, httpx2.AsyncByteStream)
    assert await anext(aiter(stream)) == b"one"
    await stream.aclose()
    assert closed
