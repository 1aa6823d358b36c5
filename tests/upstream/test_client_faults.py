"""What ``Upstream`` makes of providers that fail, over real sockets. Nothing is repeated here."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from contextlib import AbstractAsyncContextManager

import pytest

from imagegate.domain.channels import Timeouts
from imagegate.errors import Ambiguous, BadResponse, RateLimited, Unavailable
from imagegate.upstream.client import Answer
from imagegate.upstream.form import FormFile, MultipartForm
from tests.support.held import held_image
from tests.support.raw_server import HEAD_200, RawConnection, RawServer, Script, answering, cutting, silent
from tests.support.server import free_port
from tests.support.waiting import until
from tests.upstream.accounts import SHORT, Clerk, account

LARGE = MultipartForm([("prompt", "x")], [FormFile("image", held_image(bytes(24 * 1024 * 1024)))])


async def post(server: RawServer, timeouts: Timeouts = SHORT, seconds: float = 5.0) -> bytes:
    """One JSON call, read to its end."""
    async with account(server.url, timeouts=timeouts, seconds=seconds) as upstream, upstream.post_json("/x", {"a": 1}) as answer:
        return b"".join([chunk async for chunk in answer.chunks()])


async def test_a_refused_connection_did_no_work() -> None:
    async with account(f"http://127.0.0.1:{free_port()}") as upstream:
        with pytest.raises(Unavailable):
            async with upstream.post_json("/x", {}):
                pass


async def test_an_unknown_name_did_no_work() -> None:
    async with account("http://provider.invalid") as upstream:
        with pytest.raises(Unavailable):
            async with upstream.post_json("/x", {}):
                pass


async def test_a_failed_tls_handshake_did_no_work() -> None:
    async def no_tls(connection: RawConnection) -> None:
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with RawServer(no_tls) as server:
        async with account(server.url.replace("http:", "https:")) as upstream:
            with pytest.raises(Unavailable):
                async with upstream.post_json("/x", {}):
                    pass
    assert server.requests == []


async def test_a_connection_that_is_never_accepted_did_no_work() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]  # fill the queue of the kernel
        try:
            for filler in waiting:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            started = time.monotonic()
            timeouts = Timeouts(connect=0.3, first_byte=10)
            async with account(f"http://127.0.0.1:{listener.getsockname()[1]}", timeouts=timeouts) as upstream:
                with pytest.raises(Unavailable):
                    async with upstream.post_json("/x", {}):
                        pass
            assert 0.2 < time.monotonic() - started < 2
        finally:
            for filler in waiting:
                filler.close()


@pytest.mark.parametrize(
    "script",
    [
        cutting(b"", reset=True),
        cutting(b""),
        cutting(b"HTTP/1.1 200 OK\r\ncontent-"),
        cutting(b"HTTP/1.1 200 OK\r\ncontent-", reset=True),
        cutting(b"<html>no http at all</html>\r\n\r\n"),
        cutting(b"HTTP/1.1 999999 OK\r\n\r\n"),
    ],
)
async def test_an_end_before_the_head_is_ambiguous(script: Script) -> None:
    with RawServer(script) as server, pytest.raises(Ambiguous) as caught:
        await post(server)
    assert not caught.value.timed_out
    assert caught.value.http_status == 502
    assert server.connections == 1


async def test_silence_ends_at_the_first_byte_deadline() -> None:
    started = time.monotonic()
    with RawServer(silent) as server:
        with pytest.raises(Ambiguous) as caught:
            await post(server)
        assert 0.25 < time.monotonic() - started < 1.5
        assert caught.value.timed_out
        assert server.connections == len(server.requests) == 1


async def test_the_request_deadline_wins_over_the_first_byte_deadline() -> None:
    started = time.monotonic()
    with RawServer(silent) as server, pytest.raises(Ambiguous) as caught:
        await post(server, Timeouts(first_byte=30), seconds=0.2)
    assert caught.value.timed_out
    assert time.monotonic() - started < 1.5


async def test_a_stall_in_the_body_ends_at_the_idle_deadline() -> None:
    async def stall(connection: RawConnection) -> None:
        await connection.request()
        await connection.send(HEAD_200 + b"content-length: 100\r\n\r\n{")
        await connection.silence()

    with RawServer(stall) as server, pytest.raises(Ambiguous) as caught:
        await post(server)
    assert caught.value.timed_out


async def test_a_trickle_that_never_stalls_ends_at_the_request_deadline() -> None:
    async def trickle(connection: RawConnection) -> None:
        await connection.request()
        await connection.send(HEAD_200 + b"content-length: 1000\r\n\r\n")
        await connection.drip(b" " * 1000, 1, 0.05)

    started = time.monotonic()
    with RawServer(trickle) as server, pytest.raises(Ambiguous) as caught:
        await post(server, seconds=0.6)
    assert caught.value.timed_out
    assert 0.5 < time.monotonic() - started < 2


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        b"content-length: 100\r\n\r\n{",
        b"content-length: 100\r\n\r\n",
        b'transfer-encoding: chunked\r\n\r\n5\r\n{"a"',
        b'transfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
    ],
)
async def test_a_body_that_is_cut_short_is_a_bad_response(body: bytes, reset: bool) -> None:
    with RawServer(cutting(HEAD_200 + body, reset=reset)) as server, pytest.raises(BadResponse):
        await post(server)
    assert server.connections == 1


async def test_chunks_that_are_no_chunks_are_final() -> None:
    """Which of the two depends on whether the parser meets the fault together with the head."""
    body = HEAD_200 + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
    with RawServer(cutting(body)) as server, pytest.raises((BadResponse, Ambiguous)) as caught:
        await post(server)
    assert caught.value.http_status == 502


@pytest.mark.parametrize("body", [b"no gzip at all", gzip.compress(b"{}" * 100, mtime=0)[:-12] + b"garbage!!!!!"])
async def test_broken_compression_is_a_bad_response(body: bytes) -> None:
    with RawServer(answering(body, headers=b"content-encoding: gzip\r\n")) as server, pytest.raises(BadResponse):
        await post(server)


async def test_a_provider_that_does_not_take_the_upload_is_ambiguous() -> None:
    async def deaf(connection: RawConnection) -> None:
        await asyncio.sleep(5)

    with RawServer(deaf) as server:
        async with account(server.url, timeouts=Timeouts(first_byte=0.3)) as upstream:
            with pytest.raises(Ambiguous) as caught:
                async with upstream.post_form("/edits", LARGE):
                    pass
        assert caught.value.timed_out


async def test_a_refusal_in_the_middle_of_an_upload_is_read() -> None:
    async def refuse_early(connection: RawConnection) -> None:
        await connection.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await connection.silence()

    clerk = Clerk()
    with RawServer(refuse_early) as server:
        async with account(server.url, clerk=clerk, timeouts=Timeouts(first_byte=10)) as upstream:
            with pytest.raises(RateLimited):
                async with upstream.post_form("/edits", LARGE):
                    pass
    assert [refusal.status for refusal in clerk.refusals] == [413]


async def _never_ending(connection: RawConnection) -> None:
    await connection.request()
    await connection.send(HEAD_200 + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n")
    await connection.silence()


class Watched:
    """A script, and whether the client has closed its connection."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.left = False

    async def __call__(self, connection: RawConnection) -> None:
        await self._script(connection)
        self.left = True


async def test_leaving_the_answer_closes_the_connection() -> None:
    script = Watched(_never_ending)
    with RawServer(script) as server:
        async with account(server.url) as upstream:
            async with upstream.post_json("/x", {}) as answer:
                assert await anext(answer.chunks()) == b"{"
            await until(lambda: script.left)


async def test_cancelling_while_waiting_for_the_head_closes_the_connection() -> None:
    script = Watched(silent)
    with RawServer(script) as server:
        async with account(server.url, timeouts=Timeouts()) as upstream:
            call = asyncio.create_task(_enter(upstream.post_json("/x", {})))
            await until(lambda: server.requests)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await until(lambda: script.left)


async def test_closing_a_download_closes_the_connection() -> None:
    script = Watched(_never_ending)
    with RawServer(script) as server:
        async with account(server.url) as upstream:
            download = upstream.download(f"{server.url}/picture.png")
            assert await anext(download) == b"{"
            await download.aclose()
            await until(lambda: script.left)


async def test_an_error_in_the_block_closes_the_connection() -> None:
    script = Watched(_never_ending)
    with RawServer(script) as server:
        async with account(server.url) as upstream:
            with pytest.raises(ZeroDivisionError):
                async with upstream.post_json("/x", {}):
                    raise ZeroDivisionError
            await until(lambda: script.left)


async def _enter(call: AbstractAsyncContextManager[Answer]) -> None:
    async with call:
        pass
