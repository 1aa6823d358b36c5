"""uvicorn's HTTP protocol, with the small writes of one turn of the event loop gathered into one.

The head of an answer, its first piece and its last are three writes, and under uvloop three system calls and three wake-ups
of the client, although they are ready in the same moment. Large pieces are not held back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_ENOUGH = 16 * 1024
"""Bytes that are worth a write of their own."""

Data = bytes | bytearray | memoryview


class GatheringTransport(asyncio.Transport):
    """Hands everything to ``inner``; what is written waits for the end of the current turn of the loop, or for 16 KiB."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._inner = inner
        self._loop = loop
        self._held: list[Data] = []
        self._size = 0

    def write(self, data: Data) -> None:
        """Write soon."""
        if not self._held:
            if len(data) >= _ENOUGH:
                self._inner.write(data)
                return
            self._loop.call_soon(self._flush)
        self._held.append(data)
        self._size += len(data)
        if self._size >= _ENOUGH:
            self._flush()

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        """Write several soon."""
        for data in list_of_data:
            self.write(data)

    def _flush(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if self._inner.is_closing():
            return  # the client left in the same turn; uvloop would raise
        if len(held) == 1:
            self._inner.write(held[0])
        elif held:
            self._inner.writelines(held)

    def write_eof(self) -> None:
        """End our side after what was written."""
        self._flush()
        self._inner.write_eof()

    def close(self) -> None:
        """Close after what was written."""
        self._flush()
        self._inner.close()

    def abort(self) -> None:
        """Close at once."""
        self._held, self._size = [], 0
        self._inner.abort()

    def can_write_eof(self) -> bool:
        """As the inner transport."""
        return self._inner.can_write_eof()

    def get_write_buffer_size(self) -> int:
        """Bytes, those that wait here among them."""
        return self._inner.get_write_buffer_size() + self._size

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """As the inner transport."""
        return self._inner.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As the inner transport."""
        self._inner.set_write_buffer_limits(high, low)

    def is_closing(self) -> bool:
        """As the inner transport."""
        return self._inner.is_closing()

    def is_reading(self) -> bool:
        """As the inner transport."""
        return self._inner.is_reading()

    def pause_reading(self) -> None:
        """As the inner transport."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """As the inner transport."""
        self._inner.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """As the inner transport."""
        self._inner.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """As the inner transport."""
        return self._inner.get_protocol()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As the inner transport."""
        return self._inner.get_extra_info(name, default)


class GatheringProtocol(HttpToolsProtocol):
    """For uvicorn's ``http`` option."""

    def connection_made(self, transport: Any) -> None:
        """Take the connection, an ``asyncio.Transport``, with gathered writes."""
        super().connection_made(GatheringTransport(transport, self.loop))
