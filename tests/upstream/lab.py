"""A small internet for the fetcher: names, public addresses that lead to loopback servers, and a record of every dial."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import httpcore2
import pytest

from imagegate.errors import InvalidRequest
from imagegate.upstream.addresses import IPAddress
from imagegate.upstream.fetch import FetchPolicy, GuardedFetcher
from imagegate.upstream.guard import Resolver
from tests.upstream.origin import Origin

GOOD = "93.184.216.34"
OTHER = "151.101.1.69"
METADATA = "169.254.169.254"


QUICK = FetchPolicy(
    http=True,
    connect_seconds=0.3,
    first_byte_seconds=0.4,
    total_seconds=1.2,
    rate_grace_seconds=0.4,
    min_rate=1000,
    max_bytes=4096,
)


@dataclass
class Timer:
    """Seconds that an await took."""

    seconds: float = 0

    async def of(self, work: Awaitable[Any]) -> Any:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            return await work
        finally:
            self.seconds = loop.time() - started


class CountingStream(httpcore2.AsyncNetworkStream):
    """Counts what the client took off the wire and whether it closed its end."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self.bytes_read = 0
        self.closed = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(max_bytes, timeout)
        self.bytes_read += len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        self.closed = True
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return await self._stream.start_tls(ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class Lab:
    """Resolver and dialer in one. ``dialled``: every address and port to which a connection was begun.

    ``lookups``: names as they were asked for. ``denied``: (reason, host) as the operator is told. ``own``: addresses of
    "this machine".
    """

    def __init__(self, names: dict[str, Sequence[str]] | None = None) -> None:
        self.names = dict(names or {"good.test": [GOOD]})
        self.servers: dict[tuple[str, int], Origin] = {}
        self.own: set[str] = set()
        self.dialled: list[tuple[str, int]] = []
        self.lookups: list[str] = []
        self.streams: list[CountingStream] = []
        self.denied: list[tuple[str, str]] = []

    def serve(self, origin: Origin, *places: tuple[str, int]) -> None:
        """Let these addresses lead to ``origin``."""
        self.servers.update(dict.fromkeys(places or [(GOOD, 80), (GOOD, 443)], origin))

    async def resolve(self, host: str) -> Sequence[IPAddress]:
        self.lookups.append(host)
        try:
            return [ip_address(text) for text in self.names[host.removesuffix(".")]]
        except KeyError:
            raise OSError("Name or service not known") from None

    async def dial(self, address: IPAddress, port: int, timeout: float) -> httpcore2.AsyncNetworkStream:
        self.dialled.append((str(address), port))
        origin = self.servers.get((str(address), port))
        if origin is None:
            raise httpcore2.ConnectError("refused")
        stream = CountingStream(await httpcore2.AnyIOBackend().connect_tcp("127.0.0.1", origin.port, timeout))
        self.streams.append(stream)
        return stream

    def fetcher(
        self, policy: FetchPolicy | None = None, *, resolver: Resolver | None = None, ssl_context: ssl.SSLContext | None = None
    ) -> GuardedFetcher:
        """A fetcher that lives in this lab; plain http is allowed unless ``policy`` says otherwise."""
        return GuardedFetcher(
            policy or FetchPolicy(http=True),
            resolver=resolver or self,
            dialer=self,
            is_own=lambda address: str(address) in self.own,
            ssl_context=ssl_context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            on_denied=lambda reason, host: self.denied.append((reason, host)),
        )


async def read(fetcher: GuardedFetcher, url: str) -> bytes:
    """The whole body."""
    async with fetcher.open(url, param="images[0].image_url") as body:
        return b"".join([chunk async for chunk in body.chunks()])


async def refused(fetcher: GuardedFetcher, url: str, code: str = "invalid_image_url") -> InvalidRequest:
    """Expect the refusal that a caller sees."""
    with pytest.raises(InvalidRequest) as caught:
        await read(fetcher, url)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, "images[0].image_url")
    return caught.value


async def all_refused(lab: Lab, urls: Iterable[str], policy: FetchPolicy | None = None) -> None:
    """Every url is refused, with one same sentence, without a dial, and the operator is told why."""
    fetcher, sentences = lab.fetcher(policy), set()
    for url in urls:
        lab.denied.clear()
        sentences.add((await refused(fetcher, url)).message)
        assert lab.dialled == [], url
        assert len(lab.denied) == 1, url
    assert len(sentences) == 1
