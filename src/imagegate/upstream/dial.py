"""From an origin to a connection: name lookup, the first address that answers (RFC 8305), TLS. Nothing has been sent by then."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import aiohappyeyeballs
import httpx2

from imagegate.upstream.http1 import Connection

_SECOND_ADDRESS = 0.25
"""Seconds after which the next address is tried beside the first (RFC 8305 recommends 250 ms)."""


class Origin(NamedTuple):
    """Where a connection leads."""

    secure: bool
    host: str
    port: int


class Dialer:
    """Opens connections. ``trust`` makes the TLS context when it is first needed: reading all authorities takes a while.

    ``lookup``: as the loop's ``getaddrinfo``, which it is by default.
    """

    def __init__(
        self, trust: Callable[[], ssl.SSLContext], new: Callable[[], Connection], lookup: Callable[..., Any] | None = None
    ) -> None:
        self._trust = trust
        self._new = new
        self._lookup = lookup

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._trust()

    async def dial(self, origin: Origin, seconds: float | None) -> Connection:
        """A new connection within ``seconds``, over all addresses. Raises httpx2.ConnectError or ConnectTimeout."""
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                return await self._connected(origin)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError, UnicodeError from a strange name a ValueError
            if deadline.expired():
                raise httpx2.ConnectTimeout("no connection in time") from error
            raise httpx2.ConnectError(str(error)) from error

    async def _connected(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        addresses = await (self._lookup or loop.getaddrinfo)(origin.host, origin.port, type=socket.SOCK_STREAM)
        connected = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=_SECOND_ADDRESS, interleave=1)
        try:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a generation is silent for minutes
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, connection = await loop.create_connection(
                self._new,
                sock=connected,
                ssl=self._context if origin.secure else None,
                server_hostname=origin.host if origin.secure else None,
            )
        except BaseException:
            connected.close()
            raise
        return connection
