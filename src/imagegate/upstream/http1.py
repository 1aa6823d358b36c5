"""One HTTP/1.1 connection to a provider, read by httptools (llhttp, the parser of Node.js), one request at a time.

Body bytes are copied once, from the read buffer that all connections share to the piece that is handed on. Reading stops when
nobody takes the pieces. Exceptions are httpx2's. Message framing: RFC 9112.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import AsyncIterable
from typing import Any

import httptools
import httpx2

_HIGH, _LOW = 256 * 1024, 64 * 1024
"""Bytes of a body that wait here: reading pauses above the first and goes on below the second."""
_LONGEST_HEAD = 64 * 1024
"""Bytes of one header; some providers' policy headers are longer than the usual 8 KB."""
_MOST_OF_A_HEAD = 256 * 1024
_BODILESS = frozenset({204, 304})


class Connection(asyncio.BufferedProtocol):
    """``buffer``: read into and emptied within one callback, so all connections of a loop may share it.

    Ready for its first request when it is made: a server that answers before it is asked is believed once.
    """

    def __init__(self, buffer: memoryview, loop: asyncio.AbstractEventLoop) -> None:
        self._buffer = buffer
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._poller: select.poll | None = None
        self._lost = False
        self._writable: asyncio.Future[None] | None = None
        self._paused_writing = False
        self.idle_since = 0.0
        self._begin()

    def _begin(self) -> None:
        """Forget the last answer and expect one."""
        self._parser: Any = httptools.HttpResponseParser(self)
        self._expecting = True
        self._asked = False
        self._sent = False
        self._stray = False
        self._head_bytes = 0
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._measured = False
        self._answered = False
        self._complete = False
        self._stays = False
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._paused_reading = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def send(self, head: bytes, body: bytes | AsyncIterable[bytes], deadline: float | None) -> None:
        """Write the request. Stops early when the answer has begun. Raises httpx2.TransportError.

        ``deadline``, here and below: until when to wait, on the loop's clock; WriteTimeout or ReadTimeout after it.
        """
        transport = self._open()
        self._asked = True
        if isinstance(body, bytes):
            transport.write(head + body)
        else:
            transport.write(head)
            async for piece in body:
                if self._answered:
                    return  # an answer in the middle of an upload is the answer
                self._open().write(piece)
                if self._paused_writing:
                    self._writable = self._loop.create_future()
                    await self._within(deadline, self._writable, httpx2.WriteTimeout)
        self._sent = True

    async def answered(self, deadline: float | None) -> None:
        """Wait until ``status`` and ``headers`` are here. Raises httpx2.TransportError."""
        while not self._answered:
            if self._error is not None:
                raise self._error
            await self._something(deadline)

    def ready(self) -> bytes | None:
        """The next piece of the body if it is here; empty at the end, None when it has to be waited for.

        Raises httpx2.TransportError, after everything that came before it was taken.
        """
        if self._chunks:
            chunk = self._chunks.popleft()
            self._held -= len(chunk)
            if self._paused_reading and self._held <= _LOW:
                self._paused_reading = False
                if self._transport is not None and not self._transport.is_closing():
                    self._transport.resume_reading()
            return chunk
        if self._complete:
            return b""
        if self._error is not None:
            raise self._error
        return None

    async def read(self, deadline: float | None = None) -> bytes:
        """The next piece of the body; empty at the end. Raises httpx2.TransportError."""
        while (chunk := self.ready()) is None:
            await self._something(deadline)
        return chunk

    def release(self) -> bool:
        """The caller is done. True when the connection can serve another request; else it is closed."""
        whole = self._complete and self._sent and self._error is None
        if whole and self._stays and not (self._stray or self._lost):
            self._expecting = False
            return True
        self.abort()
        return False

    def renew(self) -> bool:
        """Expect another answer. False when the connection has ended, or has something to read that nobody asked for."""
        if self._lost or self._has_something_to_read():
            self.abort()
            return False
        self._begin()
        return True

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None and not self._lost:
            self._transport.abort()

    @property
    def ended(self) -> bool:
        """Whether the connection is gone."""
        return self._lost

    def _open(self) -> asyncio.Transport:
        if self._lost or self._transport is None:
            raise self._error or httpx2.ReadError("the connection has ended")
        return self._transport

    async def _something(self, deadline: float | None) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._within(deadline, self._waiter, httpx2.ReadTimeout)
        finally:
            self._waiter = None

    async def _within(self, deadline: float | None, waiter: asyncio.Future[None], late: type[httpx2.TimeoutException]) -> None:
        """``asyncio.timeout_at`` for a future that is ours, at a quarter of its cost."""
        if deadline is None:
            await waiter
            return
        timer = self._loop.call_at(deadline, _give_up, waiter, late)
        try:
            await waiter
        finally:
            timer.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _has_something_to_read(self) -> bool:
        """Whether the kernel holds bytes or the end of the stream, which the event loop has not handed on yet."""
        return self._poller is None or bool(self._poller.poll(0))

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self.abort()
        self._wake()

    # What asyncio calls.

    def connection_made(self, transport: Any) -> None:
        """Connected, and TLS spoken."""
        self._transport = transport
        connection = transport.get_extra_info("socket")
        if connection is not None:
            self._poller = select.poll()
            self._poller.register(connection.fileno(), select.POLLIN)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to read into."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes were read."""
        if not self._expecting or self._error is not None:
            self.abort()  # nobody asked for these
            return
        if not self._asked:
            self._stray = True
        if not self._answered:
            self._head_bytes += nbytes
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except httptools.HttpParserError as error:
            if self._complete:
                self._stray = True
            else:
                self._fail(httpx2.RemoteProtocolError(str(error)))
        if not self._answered and self._head_bytes > _MOST_OF_A_HEAD:
            self._fail(httpx2.RemoteProtocolError("the head of the answer does not end"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; without an error in it, a body of unknown length is whole."""
        self._lost = True
        if self._answered and not self._measured and exc is None and self._error is None:
            self._complete = True
        elif not self._complete and self._error is None:
            self._error = httpx2.ReadError(str(exc)) if exc else httpx2.RemoteProtocolError("the server hung up")
        self.resume_writing()
        self._wake()

    def pause_writing(self) -> None:
        """The server is slow to take the request."""
        self._paused_writing = True

    def resume_writing(self) -> None:
        """It has taken most of it."""
        self._paused_writing = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    # What httptools calls.

    def on_message_begin(self) -> None:
        """Another answer begins, behind one that was whole: nobody asked for it."""
        if self._complete:
            self._stray = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or a trailer, which is passed over."""
        if self._answered:
            return
        if len(name) + len(value) > _LONGEST_HEAD:
            self._fail(httpx2.RemoteProtocolError("a header is too long"))
        self.headers.append((name, value))
        if name.lower() in {b"content-length", b"transfer-encoding"}:
            self._measured = True

    def on_headers_complete(self) -> None:
        """The head is here. One that only informs (1xx) is followed by the real one."""
        status = self._parser.get_status_code()
        if status < 200:
            self.headers, self._measured = [], False
            return
        self.status = status
        self._measured = self._measured or status in _BODILESS
        self._answered = True
        self.resume_writing()
        self._wake()

    def on_body(self, body: bytes) -> None:
        """A piece of the body, as it was read."""
        if self._complete:
            return
        self._chunks.append(body)
        self._held += len(body)
        if self._held > _HIGH and not self._paused_reading and self._transport is not None and not self._transport.is_closing():
            self._paused_reading = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        """The body is whole, or an informational answer is over."""
        if self._answered:
            self._complete = True
            self._stays = self._parser.should_keep_alive()
            self._wake()


def _give_up(waiter: asyncio.Future[None], late: type[httpx2.TimeoutException]) -> None:
    if not waiter.done():
        waiter.set_exception(late("the deadline has passed"))
