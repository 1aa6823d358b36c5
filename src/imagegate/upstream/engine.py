"""The wire under the httpx2 interface: aiohttp's client, whose reads pass on unchanged and stop when nobody takes them.

httpx2's own engine reads up to 8 MB ahead under uvloop (libuv reads 32 times 256 KiB before the consumer runs) and cuts
what it read into pieces again; this one holds at most two read buffers. Exceptions are httpx2's, so nothing above knows.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

import aiohttp
import httpx2
import yarl

from imagegate.upstream.connections import CleanConnector
from imagegate.upstream.failures import Translated

_READ_BUFFER = 64 * 1024
"""Bytes; reading pauses above twice of it."""
_KEEP_ALIVE = 30.0
"""Seconds that an idle provider connection is kept; below what common servers and load balancers allow."""
_HEADER = 64 * 1024
"""Bytes of one header or status line; some providers' policy headers pass aiohttp's own 8190."""
_OURS_ALONE = frozenset({"User-Agent", "Accept", "Accept-Encoding", "Content-Type"})


class Engine(httpx2.AsyncBaseTransport):
    """One connection pool for all channels. No proxies, cookies, redirects or retries; no limit on connections.

    ``ssl_context``: for tests; None trusts what httpx2 trusts. Read and total deadlines are the caller's.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self._ssl = ssl_context
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; the response's body has not been read. Raises httpx2.TransportError."""
        with _AS_HTTPX2_ERRORS:
            response = await self._open().request(
                request.method,
                _target(str(request.url)),
                headers=[(name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw],
                data=_body(request),
                timeout=_timeouts(request),
                allow_redirects=False,
            )
        return httpx2.Response(response.status, headers=list(response.raw_headers), stream=EngineBody(response))

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        """The session, made on first use because it belongs to the running loop."""
        if self._session is None:
            context = self._ssl or httpx2.create_ssl_context(trust_env=False)
            self._session = aiohttp.ClientSession(
                connector=CleanConnector(limit=0, ssl=context, keepalive_timeout=_KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_OURS_ALONE,
                auto_decompress=False,
                trust_env=False,
                read_bufsize=_READ_BUFFER,
                max_line_size=_HEADER,
                max_field_size=_HEADER,
                raise_for_status=False,
            )
        return self._session


class EngineBody(httpx2.AsyncByteStream):
    """The answer's body: every chunk as it was read."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def ready(self) -> bytes | None:
        """What has arrived already; empty at the end, None when there is nothing to have without waiting.

        Raises httpx2.TransportError.
        """
        content = self._response.content
        if content.at_eof():
            return b""
        with _AS_HTTPX2_ERRORS:
            return content.read_nowait() or None

    async def read_some(self) -> bytes:
        """What has arrived, at once; waits when that is nothing; empty at the end. Raises httpx2.TransportError."""
        with _AS_HTTPX2_ERRORS:
            return await self._response.content.readany()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self.read_some():
            yield chunk

    async def aclose(self) -> None:
        """Give the connection back when the body was read to its end, else close it."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


@lru_cache(maxsize=1024)
def _target(url: str) -> yarl.URL:
    return yarl.URL(url, encoded=True)


def _body(request: httpx2.Request) -> Any:
    """Bytes at once, or a stream whose length stands in Content-Length."""
    stream = request.stream
    return (b"".join(stream) or None) if isinstance(stream, httpx2.ByteStream) else stream


def _timeouts(request: httpx2.Request) -> aiohttp.ClientTimeout:
    return _connect_within(request.extensions.get("timeout", {}).get("connect"))


@lru_cache(maxsize=256)
def _connect_within(seconds: float | None) -> aiohttp.ClientTimeout:
    """``seconds`` covers name lookup, TCP and TLS over all addresses: until then nothing has been sent."""
    return aiohttp.ClientTimeout(total=None, connect=seconds)


def _as_httpx2_error(error: BaseException) -> Exception | None:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return httpx2.ConnectTimeout(str(error))
    if isinstance(error, aiohttp.ClientConnectorError):
        return httpx2.ConnectError(str(error))
    if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
        return httpx2.UnsupportedProtocol(str(error))
    if isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, aiohttp.ClientResponseError)):
        return httpx2.RemoteProtocolError(str(error))
    if isinstance(error, (aiohttp.ClientError, OSError)):
        return None if isinstance(error, TimeoutError) else httpx2.ReadError(str(error))
    if isinstance(error, ValueError):  # aiohttp checks headers before it connects
        return httpx2.UnsupportedProtocol("a header that cannot be sent")
    return None


_AS_HTTPX2_ERRORS = Translated(_as_httpx2_error)
