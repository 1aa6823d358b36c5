"""Small writes of one turn leave together, in order; large ones at once; nothing is lost."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from imagegate.cli.gathering import Data, GatheringTransport


class Counting(asyncio.Transport):
    """A real transport, and how many bytes each write to it had."""

    def __init__(self, inner: asyncio.Transport) -> None:
        super().__init__()
        self._inner = inner
        self.writes: list[int] = []

    def write(self, data: Data) -> None:
        self.writes.append(len(data))
        self._inner.write(data)

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        pieces = list(list_of_data)
        self.writes.append(sum(map(len, pieces)))
        self._inner.writelines(pieces)

    def close(self) -> None:
        self._inner.close()

    def abort(self) -> None:
        self._inner.abort()

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def get_write_buffer_size(self) -> int:
        return self._inner.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[GatheringTransport, Counting, asyncio.StreamReader]]:
    """The transport under test, what it writes to, and the other end of the wire."""
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    inner, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    reader, writer = await asyncio.open_connection(sock=theirs)
    counting = Counting(inner)
    try:
        yield GatheringTransport(counting, loop), counting, reader
    finally:
        inner.abort()
        writer.close()
        await writer.wait_closed()


async def test_small_writes_of_one_turn_leave_together() -> None:
    async with connected() as (transport, counting, reader):
        for piece in (b"head", b"first", b"last"):
            transport.write(piece)
        assert transport.get_write_buffer_size() == 13
        assert await reader.readexactly(13) == b"headfirstlast"
        assert counting.writes == [13]
        transport.write(b"later")
        assert await reader.readexactly(5) == b"later"


async def test_what_is_large_is_not_held_back_and_keeps_its_place() -> None:
    async with connected() as (transport, counting, reader):
        large = bytes(64 * 1024)
        transport.write(large)
        assert counting.writes == [len(large)]
        transport.write(b"small")
        transport.write(large)
        assert counting.writes == [len(large), 5 + len(large)]
        assert await reader.readexactly(2 * len(large) + 5) == large + b"small" + large


async def test_close_sends_what_waits_and_abort_does_not() -> None:
    async with connected() as (transport, _, reader):
        transport.writelines([b"good", b"bye"])
        transport.close()
        assert await reader.read() == b"goodbye"
    async with connected() as (transport, _, reader):
        transport.write(b"nothing")
        transport.abort()
        assert await reader.read() == b""


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_that_is_lost_in_the_same_turn_is_nobodys_error(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    problems: list[dict[str, Any]] = []

    async def lost() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        async with connected() as (transport, counting, _):
            transport.write(b"too late")
            counting.abort()
            await asyncio.sleep(0.01)
            transport.write(b"much too late")
            await asyncio.sleep(0.01)
            assert counting.writes == []

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(lost())
    assert problems == []


@pytest.mark.parametrize("name", ["peername", "socket"])
async def test_everything_else_is_the_inner_transport(name: str) -> None:
    async with connected() as (transport, counting, _):
        assert repr(transport.get_extra_info(name)) == repr(counting.get_extra_info(name))
