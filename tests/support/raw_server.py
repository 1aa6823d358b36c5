"""A TCP server that misbehaves byte for byte, as no ASGI server would."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from tests.support.loop_thread import LoopThread

HEAD_200 = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@dataclass(frozen=True, slots=True)
class RawRequest:
    """One request as it came in. ``headers``: lower-case names."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class RawConnection:
    """What a script acts on. ``number``: how many connections came before this one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, log: list[RawRequest]) -> None:
        self._reader = reader
        self._writer = writer
        self._log = log
        self.number = number

    async def request(self) -> RawRequest | None:
        """Read one whole request, with a Content-Length or chunked; None when the client closes instead."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        start, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, path, _ = start.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        request = RawRequest(method, path, headers, await self._body(headers))
        self._log.append(request)
        return request

    async def send(self, data: bytes) -> None:
        """Write, and wait until the kernel has all of it."""
        self._writer.write(data)
        await self._writer.drain()

    async def drip(self, data: bytes, size: int, seconds: float) -> None:
        """Write ``size`` bytes every ``seconds``."""
        for start in range(0, len(data), size):
            await self.send(data[start : start + size])
            await asyncio.sleep(seconds)

    async def silence(self) -> None:
        """Say nothing until the client goes away."""
        while await self._reader.read(65536):
            pass

    def reset(self) -> None:
        """End with RST instead of FIN."""
        set_reset_on_close(self._writer.get_extra_info("socket"))
        self._writer.transport.abort()

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await self._reader.readexactly(int(headers.get("content-length", "0")))
        body = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            body += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")
        return body


Script = Callable[[RawConnection], Awaitable[None]]


class RawServer:
    """Context manager: runs ``script`` for every connection and closes it afterwards.

    ``connections`` counts accepted ones, ``requests`` lists what scripts read, ``failures`` what they raised. ``script`` may
    be exchanged while it runs. Example::

        async def cut(connection):
            await connection.request()
            await connection.send(HEAD_200 + b"content-length: 100\\r\\n\\r\\n{")
            connection.reset()
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.connections = 0
        self.requests: list[RawRequest] = []
        self.failures: list[BaseException] = []
        self.port = 0
        self._running: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """Origin without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            loop = stack.enter_context(LoopThread("raw-server"))
            loop.run(self._start())
            stack.callback(lambda: loop.run(self._close()))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)  # so that drain() waits for the kernel
        connection = RawConnection(reader, writer, self.connections, self.requests)
        self.connections += 1
        try:
            await self.script(connection)
            writer.close()
            await writer.wait_closed()
        except ConnectionError:
            pass  # the client went away first
        except Exception as failure:
            self.failures.append(failure)
        finally:
            writer.transport.abort()


def set_reset_on_close(connection: socket.socket) -> None:
    """Make the next close of the socket send RST and drop what was not sent (socket(7), SO_LINGER with zero time)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def answering(body: bytes, *, status: str = "200 OK", headers: bytes = b"content-type: application/json\r\n") -> Script:
    """A script: read one request, answer it properly, close. For example HTML with 200."""

    async def script(connection: RawConnection) -> None:
        await connection.request()
        head = b"HTTP/1.1 " + status.encode() + b"\r\n" + headers + b"connection: close\r\n"
        await connection.send(head + b"content-length: %d\r\n\r\n" % len(body) + body)

    return script


def cutting(sent: bytes, *, reset: bool = False, pause: float = 0.02) -> Script:
    """A script: read one request, send these very bytes, head included, and after ``pause`` seconds end by FIN or RST."""

    async def script(connection: RawConnection) -> None:
        await connection.request()
        await connection.send(sent)
        await asyncio.sleep(pause)  # a reset that comes at once may overtake what was sent
        if reset:
            connection.reset()

    return script


async def silent(connection: RawConnection) -> None:
    """A script: read requests and never answer."""
    while await connection.request():
        pass
