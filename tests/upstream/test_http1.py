"""One connection: answers in any pieces and framing, and a stray one never reaches the next request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import httpx2
import pytest
import uvloop

from imagegate.upstream.dial import Dialer, Origin
from imagegate.upstream.http1 import Connection
from tests.support.raw_server import HEAD_200, RawConnection, RawServer
from tests.upstream.engines import body, no_trust, post, running


def answer(text: bytes) -> bytes:
    return HEAD_200 + b"content-length: %d\r\n\r\n" % len(text) + text


STRAY = answer(b"somebody else's picture")


class Stray:
    """A script: answers every request, and after ``pause`` seconds sends ``stray`` unasked."""

    def __init__(self, stray: bytes, pause: float) -> None:
        self.stray = stray
        self.pause = pause

    async def __call__(self, connection: RawConnection) -> None:
        while await connection.request():
            await connection.send(answer(b"asked"))
            await asyncio.sleep(self.pause)
            await connection.send(self.stray)


async def let_it_arrive() -> None:
    await asyncio.sleep(0.04)


async def let_it_arrive_unseen() -> None:
    time.sleep(0.04)  # the loop stands still: the bytes wait in the kernel


@pytest.mark.parametrize("wait", [let_it_arrive, let_it_arrive_unseen])
@pytest.mark.parametrize(
    ("stray", "pause"), [(STRAY, 0.0), (STRAY, 0.02), (b"HTTP/1.1 2", 0.02), (b"\r\n", 0.0), (b"\r\n", 0.02), (b"x", 0.02)]
)
async def test_what_nobody_asked_for_is_nobodys_answer(stray: bytes, pause: float, wait: Callable[[], Awaitable[None]]) -> None:
    with RawServer(Stray(stray, pause)) as server:
        async with running() as engine:
            for _ in range(2):
                assert await body(engine, post(server.url)) == b"asked"
                await wait()
    assert server.connections == 2 or stray != STRAY


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize(("stray", "connections"), [(b"", 1), (STRAY, 3)])
def test_an_honest_connection_is_kept(loop: Callable[[], asyncio.AbstractEventLoop], stray: bytes, connections: int) -> None:
    async def three_requests() -> None:
        async with running() as engine:
            for _ in range(3):
                assert await body(engine, post(server.url)) == b"asked"
                await let_it_arrive()

    with RawServer(Stray(stray, 0)) as server, asyncio.Runner(loop_factory=loop) as runner:
        runner.run(three_requests())
    assert server.connections == connections


async def test_a_server_that_answers_before_it_is_asked_is_believed_once() -> None:
    async def hasty(connection: RawConnection) -> None:
        await connection.send(answer(b"busy"))
        await connection.silence()

    new = partial(Connection, memoryview(bytearray(64 * 1024)), asyncio.get_running_loop())
    with RawServer(hasty) as server:
        connection = await Dialer(no_trust, new).dial(Origin(False, "127.0.0.1", server.port), 2)
        await let_it_arrive()
        await connection.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n", b"x", None)
        await connection.answered(None)
        assert await connection.read() == b"busy"
        assert not connection.release(), "it may be another's answer: this connection serves nobody else"


BODY = bytes(range(256)) * 3
FRAMED = {
    "length": HEAD_200 + b"content-length: 768\r\n\r\n" + BODY,
    "chunked": b"\r\n".join(
        [HEAD_200 + b"transfer-encoding: chunked", b"", b"200", BODY[:512], b"100;x=y", BODY[512:], b"0", b"t: 1", b"", b""]
    ),
    "informed": b"\r\n".join(
        [b"HTTP/1.1 100 Continue", b"", b"HTTP/1.1 103 Hints", b"link: x", b"", HEAD_200 + b"content-length: 768", b"", BODY]
    ),
}


@pytest.mark.parametrize("framing", FRAMED)
@pytest.mark.parametrize("piece", [1, 2, 7, 300])
async def test_an_answer_in_any_pieces_is_the_same(framing: str, piece: int) -> None:
    async def dripping(connection: RawConnection) -> None:
        while await connection.request():
            text = FRAMED[framing]
            for start in range(0, len(text), piece):
                await connection.send(text[start : start + piece])
                await asyncio.sleep(0)

    with RawServer(dripping) as server:
        async with running() as engine:
            for _ in range(2):
                response = await engine.handle_async_request(post(server.url))
                assert (response.status_code, response.headers.get("link"), response.headers.get("t")) == (200, None, None)
                assert b"".join([chunk async for chunk in response.aiter_raw()]) == BODY
                await response.aclose()
    assert server.connections == 1


async def test_what_is_left_after_a_whole_body_does_not_cost_the_connection() -> None:
    """The bytes are here; whether somebody reads them changes nothing for the next request."""
    with RawServer(Stray(b"", 0)) as server:
        async with running() as engine:
            for _ in range(2):
                response = await engine.handle_async_request(post(server.url))
                await let_it_arrive()
                await response.aclose()
    assert server.connections == 1


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("late", [False, True])
def test_what_came_before_a_broken_piece_is_read_before_the_error(
    loop: Callable[[], asyncio.AbstractEventLoop], late: bool
) -> None:
    """So much of it that reading was paused when the connection had to be closed."""
    good = bytes(300 * 1024)

    async def broken(connection: RawConnection) -> None:
        await connection.request()
        await connection.send(HEAD_200 + b"transfer-encoding: chunked\r\n\r\n%x\r\n" % len(good) + good + b"\r\nzz\r\n")
        await connection.silence()

    async def read() -> None:
        async with running() as engine:
            response = await engine.handle_async_request(post(server.url))
            if late:
                await let_it_arrive()
            taken = 0
            with pytest.raises(httpx2.RemoteProtocolError):
                async for chunk in response.aiter_raw():
                    taken += len(chunk)
            await response.aclose()
            assert taken == len(good)

    with RawServer(broken) as server, asyncio.Runner(loop_factory=loop) as runner:
        runner.run(read())


async def test_a_body_without_length_is_whole_only_when_the_connection_ends_well() -> None:
    async def unmeasured(connection: RawConnection) -> None:
        await connection.request()
        await connection.send(HEAD_200 + b"\r\npart one")
        await connection.send(b" and two")

    with RawServer(unmeasured) as server:
        async with running() as engine:
            for _ in range(2):
                assert await body(engine, post(server.url)) == b"part one and two"
    assert server.connections == 2


@pytest.mark.parametrize("value", ["a\r\nx-forged: 1", "a\nb", "a\0b"])
async def test_a_header_cannot_smuggle_another(value: str) -> None:
    with RawServer(Stray(b"", 0)) as server:
        async with running() as engine:
            with pytest.raises(httpx2.UnsupportedProtocol):
                await body(engine, post(server.url, b"{}", {"x-own": value}))
            with pytest.raises(httpx2.UnsupportedProtocol):
                await body(engine, post(server.url, b"{}", {"x own": "a"}))
    assert server.connections == 0


async def test_a_stream_whose_length_nobody_knows_is_refused_before_anything_is_sent() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"x"

    with RawServer(Stray(b"", 0)) as server:
        async with running() as engine:
            request = httpx2.Request("POST", server.url, stream=Unmeasured(endless()))
            with pytest.raises(httpx2.UnsupportedProtocol):
                await body(engine, request)
    assert server.connections == 0


class Unmeasured(httpx2.AsyncByteStream):
    """A body without a Content-Length."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks
