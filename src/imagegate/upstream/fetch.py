"""The guarded door to every url that the operator did not choose: a caller's picture, a provider's result elsewhere.

One GET per hop over a fresh connection: no proxy, environment, netrc, cookie, cache or keep-alive. Redirects are followed
by hand and judged like the first url. The caller learns one sentence whatever went wrong, so that a fetch tells nothing
about the network behind us; the reason goes to the operator.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass

import anyio
import httpcore2
import httpx2

from imagegate import __version__
from imagegate.errors import InvalidRequest, LimitExceeded
from imagegate.upstream.addresses import IPAddress
from imagegate.upstream.guard import ConnectGuard, Dialer, GuardedBackend, Resolver, TcpDialer, ThreadResolver, is_own_address
from imagegate.upstream.urls import Denied, OutsideUrl, parse_outside_url

_REFUSAL = "The image url could not be fetched; use a public https url of a PNG, JPEG or WebP picture."
_FREE_PIECES = 512
_LEAST_AVERAGE_PIECE = 512
"""Bytes. Parsing a chunk costs the same whatever its size: a body of one-byte chunks would buy our CPU for nothing."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = (
    (b"User-Agent", f"imagegate/{__version__}".encode("ascii")),
    (b"Accept", b"image/*"),
    (b"Accept-Encoding", b"identity"),
    (b"Connection", b"close"),
)
_NETWORK_FAILURES = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
    OSError,  # ssl.SSLError and TimeoutError among them
)


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What may be fetched, and how much of it. Sizes in bytes, times in seconds.

    ``http``: plain http too. ``allow``: ``host:port`` of private hosts that the operator trusts; for them scheme, port,
    name and address rules do not hold. ``first_byte_seconds``: per hop, from its name lookup to the end of the response
    head. ``total_seconds``: all hops and the body; it stands still while the consumer holds a chunk. ``min_rate``: bytes
    per second of body on average, once ``rate_grace_seconds`` are over. ``listen_port``: our own.
    """

    http: bool = False
    ports: frozenset[int] = frozenset({80, 443})
    allow: frozenset[str] = frozenset()
    max_bytes: int = 50 * 1024 * 1024
    dns_seconds: float = 5
    connect_seconds: float = 5
    first_byte_seconds: float = 10
    total_seconds: float = 20
    min_rate: float = 16 * 1024
    rate_grace_seconds: float = 5
    max_redirects: int = 3
    max_parallel: int = 64
    listen_port: int | None = None


OnDenied = Callable[[str, str], None]
"""Called with (reason, host); host is empty when the url could not be read."""


class _TooLarge(Exception):
    """The body is, or says that it is, longer than ``max_bytes``."""


class OutsideBody:
    """The body of a 200 answer. ``content_length``: bytes as announced, None when the origin did not say."""

    def __init__(self, chunks: AsyncGenerator[bytes], content_length: int | None) -> None:
        self._chunks = chunks
        self.content_length = content_length

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, in pieces of at most 128 KiB; can be read once. Raises InvalidRequest."""
        return self._chunks


class GuardedFetcher:
    """Fetches outside urls; at most ``policy.max_parallel`` at once. Needs no closing."""

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        resolver: Resolver | None = None,
        dialer: Dialer | None = None,
        is_own: Callable[[IPAddress], bool] = is_own_address,
        ssl_context: ssl.SSLContext | None = None,
        on_denied: OnDenied | None = None,
    ) -> None:
        self._policy = policy
        self._guard = ConnectGuard(
            resolver=resolver or ThreadResolver(),
            dialer=dialer or TcpDialer(),
            is_own=is_own,
            listen_port=policy.listen_port,
            dns_seconds=policy.dns_seconds,
            connect_seconds=policy.connect_seconds,
        )
        self._ssl_context = ssl_context or httpx2.create_ssl_context(trust_env=False)
        self._on_denied = on_denied
        self._slots = asyncio.Semaphore(policy.max_parallel)

    @asynccontextmanager
    async def open(self, url: str, *, param: str | None = None) -> AsyncGenerator[OutsideBody]:
        """GET ``url``; the connection lives as long as the context. ``param``: the request field that named the url.

        Raises InvalidRequest with code ``invalid_image_url`` for every refusal and failure and ``image_too_large`` above
        ``policy.max_bytes``; LimitExceeded when no slot gets free in ``policy.total_seconds``.
        """
        async with self._slot():
            started = _now()
            with self._told_to_caller(param):
                hop = await self._follow(url)
            try:
                remaining = self._policy.total_seconds - (_now() - started)
                async with aclosing(self._read(hop, remaining, param)) as chunks:
                    yield OutsideBody(chunks, hop.content_length)
            finally:
                await hop.aclose()

    @asynccontextmanager
    async def _slot(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._policy.total_seconds):
                await self._slots.acquire()
        except TimeoutError:
            message = "Too many image urls are being fetched at the moment; try again in a few seconds."
            raise LimitExceeded(message, retry_after=self._policy.total_seconds) from None
        try:
            yield
        finally:
            self._slots.release()

    async def _follow(self, text: str) -> _Hop:
        """The hop that answered with a picture. Raises Denied, _TooLarge and network failures."""
        async with asyncio.timeout(self._policy.total_seconds):
            url = self._parse(text)
            for _ in range(self._policy.max_redirects + 1):
                hop = _Hop(url, self._guard, self._ssl_context)
                location = await hop.send(self._policy)
                if location is None:
                    return hop
                await hop.aclose()
                url = self._next(url, location)
        raise Denied(f"more than {self._policy.max_redirects} redirects", url.host)

    def _parse(self, text: str) -> OutsideUrl:
        policy = self._policy
        return parse_outside_url(text, http_allowed=policy.http, ports=policy.ports, trusted=policy.allow)

    def _next(self, url: OutsideUrl, location: str) -> OutsideUrl:
        following = self._parse(url.resolve(location))
        if url.scheme == "https" and following.scheme == "http":
            raise Denied("redirect from https to http", following.host)
        return following

    async def _read(self, hop: _Hop, remaining: float, param: str | None) -> AsyncGenerator[bytes]:
        policy, received, pieces, waited = self._policy, 0, 0, 0.0
        async with aclosing(hop.body()) as parts:
            while True:
                allowed = min(remaining, policy.rate_grace_seconds + received / policy.min_rate)
                since = _now()
                with self._told_to_caller(param, hop.host):
                    async with asyncio.timeout(allowed - waited):
                        chunk = await anext(parts, None)
                    waited += _now() - since
                    if chunk is None:
                        return
                    received, pieces = received + len(chunk), pieces + 1
                    if received > policy.max_bytes:
                        raise _TooLarge
                    if pieces > _FREE_PIECES + received // _LEAST_AVERAGE_PIECE:
                        raise Denied("the origin cuts the body into crumbs")
                yield chunk

    @contextmanager
    def _told_to_caller(self, param: str | None, host: str = "") -> Generator[None]:
        try:
            yield
        except _TooLarge:
            message = f"The picture at the image url has more than {self._policy.max_bytes} bytes; use a smaller one."
            raise InvalidRequest(message, code="image_too_large", param=param) from None
        except Denied as denied:
            self._tell_operator(denied.reason, denied.host or host)
        except _NETWORK_FAILURES as failure:
            self._tell_operator(_described(failure), host)
        else:
            return
        raise InvalidRequest(_REFUSAL, code="invalid_image_url", param=param)

    def _tell_operator(self, reason: str, host: str) -> None:
        if self._on_denied is not None:
            self._on_denied(reason, host)


class _Hop:
    """One request to one url over a connection of its own."""

    def __init__(self, url: OutsideUrl, guard: ConnectGuard, ssl_context: ssl.SSLContext) -> None:
        self._url = url
        self._backend = GuardedBackend(guard, url)
        scheme, host = url.scheme.encode("ascii"), url.host.encode("ascii")
        self._connection = httpcore2.AsyncHTTPConnection(
            httpcore2.Origin(scheme, host, url.port), ssl_context=ssl_context, network_backend=self._backend
        )
        self._target = httpcore2.URL(scheme=scheme, host=host, port=url.port, target=url.target)
        self._response: httpcore2.Response | None = None
        self.host = url.host
        self.content_length: int | None = None

    async def send(self, policy: FetchPolicy) -> str | None:
        """Ask; the ``Location`` of a redirect, or None when a picture may follow. Closed again when it raises."""
        try:
            async with asyncio.timeout(policy.first_byte_seconds):
                response = await self._connection.handle_async_request(self._request(policy))
            return self._judge(response, policy)
        except BaseException as failure:
            await self.aclose()
            if isinstance(failure, _NETWORK_FAILURES):
                raise Denied(_described(failure), self.host) from failure
            raise

    def _request(self, policy: FetchPolicy) -> httpcore2.Request:
        headers = [(b"Host", self._url.authority.encode("ascii")), *_HEADERS]
        tls_limit = {"connect": policy.connect_seconds}
        return httpcore2.Request("GET", self._target, headers=headers, extensions={"timeout": tls_limit})

    def _judge(self, response: httpcore2.Response, policy: FetchPolicy) -> str | None:
        if response.status in _REDIRECTS:
            return self._location(response.headers)
        if response.status != 200:
            raise Denied(f"the origin answered {response.status}", self.host)
        if any(coding.lower() != b"identity" for coding in _values(response.headers, b"content-encoding")):
            raise Denied("the origin sent an encoded body", self.host)
        self.content_length = _content_length(response.headers)
        if self.content_length is not None and self.content_length > policy.max_bytes:
            raise _TooLarge
        self._response = response
        return None

    def _location(self, headers: Sequence[tuple[bytes, bytes]]) -> str:
        match _values(headers, b"location"):
            case [location]:
                return location.decode("utf-8", "surrogateescape")  # the url reader refuses surrogates
            case found:
                raise Denied(f"redirect with {len(found)} locations", self.host)

    async def body(self) -> AsyncGenerator[bytes]:
        """The raw body; a body shorter than announced ends in httpcore2.RemoteProtocolError."""
        if self._response is not None:
            async with aclosing(self._response.aiter_stream()) as parts:
                async for part in parts:
                    yield part

    async def aclose(self) -> None:
        """Close the connection, also in the middle of anything."""
        with anyio.CancelScope(shield=True):
            try:
                await self._connection.aclose()
            finally:
                await self._backend.aclose()


def _described(failure: BaseException) -> str:
    """For the log: protocol errors quote the origin, so they are cut."""
    if isinstance(failure, TimeoutError):
        return "the origin is too slow"
    return f"{type(failure).__name__}: {failure}"[:200]


def _values(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value.strip() for key, value in headers if key.lower() == name]


def _content_length(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """As announced. A chunked body has none, whatever else the origin says; h11 has refused contradictions."""
    announced = _values(headers, b"content-length")
    if _values(headers, b"transfer-encoding") or not announced or not re.fullmatch(rb"[0-9]{1,20}", announced[0]):
        return None
    return int(announced[0])


def _now() -> float:
    return asyncio.get_running_loop().time()
