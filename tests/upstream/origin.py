"""A web origin that misbehaves on request, in the loop of the test."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Self

import trustme


class Visit:
    """One request as the origin saw it. ``headers``: names and values in wire order and spelling."""

    def __init__(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        lines = head.decode("ascii").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:] if line)]
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Write, and wait until the other side takes it."""
        self._writer.write(data)
        await self._writer.drain()


Behaviour = Callable[[Visit], Awaitable[None]]


class Origin:
    """Async context manager. ``routes``: target to behaviour, ``"*"`` for all others. ``visits``: requests that came.

    ``connections``: accepted ones. ``open``: those that have not ended. ``name_asked``: SNI of the last TLS connection.
    """

    def __init__(self, routes: Mapping[str, Behaviour], *, tls: ssl.SSLContext | None = None) -> None:
        self._routes = routes
        self._tls = tls
        self._running: set[asyncio.Task[None]] = set()
        self.visits: list[Visit] = []
        self.connections = 0
        self.port = 0
        self.name_asked: str | None = None
        if tls is not None:
            tls.sni_callback = self._on_name

    @property
    def open(self) -> int:
        return len(self._running)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._server.wait_closed()

    def _on_name(self, _: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        self.name_asked = name

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                visit = Visit(await reader.readuntil(b"\r\n\r\n"), writer)
                self.visits.append(visit)
                await self._behave(visit, reader)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _behave(self, visit: Visit, reader: asyncio.StreamReader) -> None:
        """Run the behaviour, but no longer than the client stays."""
        behaviour = self._routes.get(visit.target) or self._routes["*"]
        acting, leaving = asyncio.ensure_future(behaviour(visit)), asyncio.create_task(reader.read())
        try:
            await asyncio.wait({acting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (acting, leaving):
                task.cancel()
            await asyncio.gather(acting, leaving, return_exceptions=True)


def secure_origin(
    authority: trustme.CA,
    name: str = "good.test",
    behaviour: Behaviour | None = None,
    *,
    validity: tuple[datetime, datetime] | None = None,
) -> Origin:
    """An https origin with a certificate for ``name``; without a behaviour it gives a picture."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    since, until = validity or (None, None)
    authority.issue_cert(name, not_before=since, not_after=until).configure_cert(context)
    return Origin({"*": behaviour or picture()}, tls=context)


def head(status: int = 200, *headers: str) -> bytes:
    """Status line and headers, with the empty line."""
    return "\r\n".join((f"HTTP/1.1 {status} Whatever", *headers, "", "")).encode("utf-8", "surrogateescape")


def picture(body: bytes = b"picture", *headers: str) -> Behaviour:
    """A proper 200 with a Content-Length."""
    return raw(head(200, f"Content-Length: {len(body)}", *headers) + body)


def redirect(status: int, location: str, *headers: str) -> Behaviour:
    """A redirect with an empty body."""
    return raw(head(status, f"Location: {location}", "Content-Length: 0", *headers))


def raw(data: bytes) -> Behaviour:
    """These bytes, then the end of the connection."""

    async def behave(visit: Visit) -> None:
        await visit.send(data)

    return behave


def endless(first: bytes, piece: bytes) -> Behaviour:
    """``first``, then ``piece`` again and again as fast as they are taken."""

    async def behave(visit: Visit) -> None:
        await visit.send(first)
        while True:
            await visit.send(piece)

    return behave


def drip(first: bytes, piece: bytes, seconds: float) -> Behaviour:
    """``first``, then ``piece`` every ``seconds`` for ever; an empty piece is silence."""

    async def behave(visit: Visit) -> None:
        await visit.send(first)
        while True:
            await asyncio.sleep(seconds)
            await visit.send(piece)

    return behave


def slowly(data: bytes, size: int, seconds: float) -> Behaviour:
    """``size`` bytes of ``data`` every ``seconds``."""

    async def behave(visit: Visit) -> None:
        for start in range(0, len(data), size):
            await visit.send(data[start : start + size])
            await asyncio.sleep(seconds)

    return behave
