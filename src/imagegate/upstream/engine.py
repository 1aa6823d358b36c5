"""The wire under the httpx2 interface: connections of ours, whose reads pass on unchanged and stop when nobody takes them.

httpx2's own engine reads up to 8 MB ahead under uvloop (libuv reads 32 times 256 KiB before the consumer runs) and cuts what
it read into pieces again; aiohttp's costs four times the work a request and copies once more. Exceptions are httpx2's, so
nothing above knows.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from functools import lru_cache, partial

import httpx2

from imagegate.upstream.dial import Dialer, Origin
from imagegate.upstream.http1 import Connection

_READ_BUFFER = 256 * 1024
"""Bytes of one read."""
_KEEP_ALIVE = 30.0
"""Seconds that an idle provider connection is kept; below what common servers and load balancers allow."""
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE = re.compile(rb"[\0\r\n]")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Engine(httpx2.AsyncBaseTransport):
    """One connection pool for all channels. No proxies, cookies, redirects or retries; no limit on connections.

    ``ssl_context``: for tests; None trusts what httpx2 trusts. Of a request's extensions it keeps ``timeout: {connect}``, in
    seconds, and ``deadline``, on the loop's clock, for the request and the head of its answer; the body has its own deadlines.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self._ssl = ssl_context
        self._dialer: Dialer | None = None
        self._idle: dict[Origin, list[Connection]] = {}
        self._all: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; the response's body has not been read. Raises httpx2.TransportError."""
        origin = _origin(request.url)
        body = _body(request)
        head = _head(request, body)
        connection = self._kept(origin) or await self._dialed(origin, request.extensions.get("timeout", {}).get("connect"))
        deadline: float | None = request.extensions.get("deadline")
        try:
            await _sent(connection, head, body, deadline)
            await connection.answered(deadline)
        except BaseException:
            self._drop(connection)
            raise
        give_back = partial(self._give_back, origin, connection)
        response = httpx2.Response(connection.status, headers=connection.headers, stream=EngineBody(connection, give_back))
        response.headers.encoding = "latin-1"
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in self._all:
            connection.abort()
        self._all.clear()
        self._idle.clear()
        await asyncio.sleep(0)  # transports close in the next turn of the loop

    def _kept(self, origin: Origin) -> Connection | None:
        """An idle connection that nothing has come on."""
        kept = self._idle.get(origin)
        while kept:
            connection = kept.pop()
            if connection.renew():
                return connection
            self._all.discard(connection)
        return None

    async def _dialed(self, origin: Origin, seconds: float | None) -> Connection:
        if self._dialer is None:  # made on first use because it belongs to the running loop
            new = partial(Connection, memoryview(bytearray(_READ_BUFFER)), asyncio.get_running_loop())
            self._dialer = Dialer(lambda: self._ssl or httpx2.create_ssl_context(trust_env=False), new)
        connection = await self._dialer.dial(origin, seconds)
        self._all.add(connection)
        return connection

    def _give_back(self, origin: Origin, connection: Connection) -> None:
        if not connection.release():
            self._all.discard(connection)
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(origin, []).append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(_KEEP_ALIVE, self._sweep)

    def _drop(self, connection: Connection) -> None:
        self._all.discard(connection)
        connection.abort()

    def _sweep(self) -> None:
        """Close what has been idle for too long, and forget what has ended."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - _KEEP_ALIVE
        for origin, kept in list(self._idle.items()):
            stays = [connection for connection in kept if connection.idle_since > oldest and not connection.ended]
            for connection in kept:
                if connection not in stays:
                    self._drop(connection)
            if stays:
                self._idle[origin] = stays
            else:
                del self._idle[origin]
        self._sweeper = loop.call_later(_KEEP_ALIVE / 2, self._sweep) if self._idle else None


class EngineBody(httpx2.AsyncByteStream):
    """The answer's body: every chunk as it was read. ``ready`` and ``read_some`` as ``Connection.ready`` and ``read``."""

    def __init__(self, connection: Connection, give_back: partial[None]) -> None:
        self.ready = connection.ready
        self.read_some = connection.read
        self._give_back: partial[None] | None = give_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self.read_some():
            yield chunk

    async def aclose(self) -> None:
        """Give the connection back when everything has arrived, else close it."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


async def _sent(connection: Connection, head: bytes, body: bytes | httpx2.AsyncByteStream, deadline: float | None) -> None:
    """A body that cannot be read here breaks the request, whatever the reason."""
    try:
        await connection.send(head, body, deadline)
    except httpx2.TransportError:
        raise
    except Exception as error:
        raise httpx2.WriteError("the request could not be sent to its end") from error
    finally:
        if not isinstance(body, bytes):
            await body.aclose()


def _origin(url: httpx2.URL) -> Origin:
    scheme, host = url.scheme, url.raw_host
    port = _PORTS.get(scheme)
    if port is None or not host:
        raise httpx2.UnsupportedProtocol("an address that is not http or https")
    return Origin(scheme == "https", host.decode("ascii").strip("[]"), url.port or port)


def _body(request: httpx2.Request) -> bytes | httpx2.AsyncByteStream:
    """Bytes at once, or a stream whose length stands in Content-Length."""
    stream = request.stream
    if isinstance(stream, httpx2.ByteStream):
        return b"".join(stream)
    if not isinstance(stream, httpx2.AsyncByteStream) or "content-length" not in request.headers:
        raise httpx2.UnsupportedProtocol("a body whose length is not known")
    return stream


@lru_cache(maxsize=1024)
def _line(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header's name in lower case, and its line; a channel sends the same ones again and again."""
    if not _NAME.fullmatch(name) or _UNSENDABLE.search(value):
        raise httpx2.UnsupportedProtocol("a header that cannot be sent")
    return name.lower(), name + b": " + value


def _head(request: httpx2.Request, body: bytes | httpx2.AsyncByteStream) -> bytes:
    """Request line and headers as they are sent (RFC 9112 §3, RFC 9110 §5)."""
    lines = [request.method.encode("ascii") + b" " + request.url.raw_path + b" HTTP/1.1"]
    given = set()
    for name, value in request.headers.raw:
        kind, line = _line(name, value)
        given.add(kind)
        lines.append(line)
    if b"host" not in given:
        lines.insert(1, b"Host: " + request.url.netloc)
    if isinstance(body, bytes) and b"content-length" not in given and (body or request.method in _WITH_BODY):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n"
