"""A call to a provider as httpx2's request: what every call of an account sends is made ready once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from functools import lru_cache

import httpx2

_LATIN = "latin-1"
"""What header bytes are read as; httpx2 tries three encodings at every look where none is named."""


def common_headers(headers: Mapping[str, str]) -> httpx2.Headers:
    """What every call sends: an account's own headers, and that answers shall not be compressed."""
    named = {name.lower(): value for name, value in headers.items()}
    return httpx2.Headers({"accept-encoding": "identity", **named}, encoding=_LATIN)


def outgoing(
    method: str,
    url: str,
    common: httpx2.Headers,
    more: Mapping[str, str],
    content: bytes | AsyncIterator[bytes],
    *,
    connect: float,
    deadline: float,
) -> httpx2.Request:
    """The request. ``more``: headers that win over the common ones. ``content``: a stream has its length in Content-Length.

    ``connect``: seconds; ``deadline``: on the loop's clock, until the head of the answer is here.
    """
    headers = httpx2.Headers(common, encoding=_LATIN)
    for name, value in more.items():
        headers[name] = value
    return httpx2.Request(
        method,
        _parsed(url),
        headers=headers,
        stream=httpx2.ByteStream(content) if isinstance(content, bytes) else _Streamed(content),
        extensions={"timeout": {"connect": connect}, "deadline": deadline},
    )


@lru_cache(maxsize=1024)
def _parsed(url: str) -> httpx2.URL:
    """Endpoints are few and their urls are read again and again."""
    return httpx2.URL(url)


class _Streamed(httpx2.AsyncByteStream):
    """A request body that is read while it is sent, once."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def aclose(self) -> None:
        if isinstance(self._chunks, AsyncGenerator):
            await self._chunks.aclose()
