"""The guard at connect time: resolve once, judge every answer, dial one of exactly those addresses.

What was judged is what is dialled, so a name that changes its answer between check and use (DNS rebinding) wins nothing.
TLS is still made for the host name.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol

import anyio
import httpcore2

from imagegate.upstream.addresses import IPAddress, is_public
from imagegate.upstream.urls import Denied, OutsideUrl

_NOBODYS: dict[int, IPAddress] = {4: IPv4Address("240.0.0.1"), 6: IPv6Address("5f00::1")}
"""Addresses that no interface has."""
_MAX_ANSWERS = 64


class Resolver(Protocol):
    """Name to addresses."""

    async def resolve(self, host: str) -> Sequence[IPAddress]:
        """Every address of ``host``, best first. Raises OSError when it has none. The caller sets the deadline."""
        ...


class Dialer(Protocol):
    """Address to connection."""

    async def dial(self, address: IPAddress, port: int, timeout: float) -> httpcore2.AsyncNetworkStream:
        """Connect to exactly ``address`` within ``timeout`` seconds. Raises httpcore2.ConnectError or ConnectTimeout."""
        ...


Lookup = Callable[[str], Sequence[IPAddress]]


def system_lookup(host: str) -> Sequence[IPAddress]:
    """``getaddrinfo``; blocks. Bytes keep Python's own IDNA 2003 mapping away from the name."""
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return [ip_address(sockaddr[0]) for *_, sockaddr in found]


class ThreadResolver:
    """Runs a blocking lookup in threads of its own: at most ``threads``, a hung one counting until it really ends.

    The threads are daemons, so a silent name server delays neither the event loop nor the end of the process.
    """

    def __init__(self, lookup: Lookup = system_lookup, *, threads: int = 32) -> None:
        self._lookup = lookup
        self._free = asyncio.Semaphore(threads)

    async def resolve(self, host: str) -> Sequence[IPAddress]:
        """Every address of ``host``. Raises OSError."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[IPAddress]] = loop.create_future()

        def finish(addresses: Sequence[IPAddress], error: Exception | None) -> None:
            self._free.release()
            if answer.done():
                return
            if error is None:
                answer.set_result(addresses)
            else:
                answer.set_exception(error)

        def work() -> None:
            addresses, error = self._look_up(host)
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(finish, addresses, error)

        try:
            threading.Thread(target=work, name="imagegate-dns", daemon=True).start()
        except RuntimeError as error:
            self._free.release()
            raise OSError("no thread left for the name lookup") from error
        return await answer

    def _look_up(self, host: str) -> tuple[Sequence[IPAddress], Exception | None]:
        try:
            return self._lookup(host), None
        except (OSError, ValueError) as error:
            return (), OSError(str(error))


class TcpDialer:
    """Real sockets."""

    def __init__(self) -> None:
        self._backend = httpcore2.AnyIOBackend()

    async def dial(self, address: IPAddress, port: int, timeout: float) -> httpcore2.AsyncNetworkStream:
        """Connect, then make sure that the kernel agrees about who is at the other end."""
        stream = await self._backend.connect_tcp(str(address), port, timeout=timeout)
        with contextlib.suppress(OSError):  # no peer any more: it has hung up already
            if ip_address(stream.get_extra_info("server_addr")[0]) == address:
                return stream
        await stream.aclose()
        raise httpcore2.ConnectError("the other end is not the address that was dialled")


def is_own_address(address: IPAddress) -> bool:
    """Whether packets to ``address`` end at this machine: the kernel lets one bind to it. Sends nothing.

    Always False where the kernel lets one bind to anything (``ip_nonlocal_bind``), which tells nothing.
    """
    return _can_bind(address) and not _can_bind(_NOBODYS[address.version])


def _can_bind(address: IPAddress) -> bool:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class ConnectGuard:
    """Decides where a connection may go and makes it. Times in seconds.

    ``listen_port``: our own; not even a trusted host may lead back to it on one of our own addresses.
    """

    resolver: Resolver
    dialer: Dialer
    is_own: Callable[[IPAddress], bool]
    listen_port: int | None
    dns_seconds: float
    connect_seconds: float

    async def connect(self, url: OutsideUrl) -> httpcore2.AsyncNetworkStream:
        """A TCP connection to the host of ``url``. Raises Denied before anything is sent to a forbidden address."""
        answers = [url.address] if url.address else await self._resolve(url)
        for address in answers:
            self._judge(address, url)
        choices = _dial_order(answers)
        for address in choices[:-1]:
            with contextlib.suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return await self.dialer.dial(address, url.port, self.connect_seconds / len(choices))
        return await self.dialer.dial(choices[-1], url.port, self.connect_seconds / len(choices))

    async def _resolve(self, url: OutsideUrl) -> Sequence[IPAddress]:
        # The final dot makes the name absolute: search domains and the hosts file stay out of it.
        name = url.host if url.trusted else url.host + "."
        try:
            async with asyncio.timeout(self.dns_seconds):
                answers = await self.resolver.resolve(name)
        except TimeoutError:
            raise Denied("the name server did not answer in time", url.host) from None
        except OSError as error:
            raise Denied(f"the name does not resolve ({error})", url.host) from None
        if not 0 < len(answers) <= _MAX_ANSWERS:
            raise Denied(f"the name has {len(answers)} addresses", url.host)
        return answers

    def _judge(self, address: IPAddress, url: OutsideUrl) -> None:
        if url.trusted:
            if url.port == self.listen_port and self.is_own(address):
                raise Denied(f"{address} is this server", url.host)
        elif not is_public(address):
            raise Denied(f"{address} is not public", url.host)
        elif self.is_own(address):
            raise Denied(f"{address} is one of our own addresses", url.host)


def _dial_order(answers: Sequence[IPAddress]) -> Sequence[IPAddress]:
    """The best answer, then the best one of the other family: a host without working IPv6 still gets its picture."""
    other = next((each for each in answers if each.version != answers[0].version), None)
    return answers[:1] if other is None else (answers[0], other)


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """httpcore2's door to the network for one hop to one url: no other host, no other port, no unix socket."""

    def __init__(self, guard: ConnectGuard, url: OutsideUrl) -> None:
        self._guard = guard
        self._url = url
        self._stream: httpcore2.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the url's host under the guard's own deadlines. Raises Denied and httpcore2's connect errors."""
        if (host, port) != (self._url.host, self._url.port):
            raise Denied("the HTTP client asked for another host than the url's", host)
        self._stream = await self._guard.connect(self._url)
        return self._stream

    async def aclose(self) -> None:
        """Close the socket. httpcore2 leaves it open when it is cancelled in the TLS handshake."""
        if self._stream is not None:
            with anyio.CancelScope(shield=True):
                await self._stream.aclose()
