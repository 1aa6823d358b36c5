"""A stray answer never reaches the next request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
import uvloop
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

from imagegate.upstream.connections import CleanConnector
from tests.support.raw_server import HEAD_200, RawConnection, RawServer
from tests.upstream.engines import body, post, running


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


class Late(CleanConnector):
    """Hands a new connection on only when a hasty server has already spoken."""

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        protocol = await super()._create_connection(req, traces, timeout)
        await let_it_arrive()
        return protocol


async def test_a_server_that_answers_before_it_is_asked_is_believed_once() -> None:
    async def hasty(connection: RawConnection) -> None:
        await connection.send(answer(b"busy %d" % connection.number))
        await connection.silence()

    with RawServer(hasty) as server:
        async with aiohttp.ClientSession(connector=Late()) as session:
            for number in range(2):
                async with session.post(server.url, data=bytes(100_000)) as response:
                    assert await response.read() == b"busy %d" % number
    assert server.connections == 2
