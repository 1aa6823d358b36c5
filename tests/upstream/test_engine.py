"""The wire: what leaves, what arrives, and which connections stay."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest
import trustme
import uvloop
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.support.raw_server import HEAD_200, RawConnection, RawServer, answering, silent
from tests.support.server import ServerThread
from tests.support.waiting import until
from tests.upstream.engines import body, get, in_the_kernel, post, running

MIB = 1024 * 1024


class Flood:
    """A script: answers with zeros as fast as they are taken. ``sent``: bytes that the kernel has accepted."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.sent = 0

    async def __call__(self, connection: RawConnection) -> None:
        await connection.request()
        await connection.send(HEAD_200 + b"content-length: %d\r\n\r\n" % self.size)
        for _ in range(self.size // 65536):
            await connection.send(bytes(65536))
            self.sent += 65536


class Polite:
    """A script: answers every request of a connection in turn. ``left``: how many connections the client has closed."""

    def __init__(self, answer: bytes = HEAD_200 + b"content-length: 2\r\n\r\n{}") -> None:
        self.answer = answer
        self.left = 0

    async def __call__(self, connection: RawConnection) -> None:
        while await connection.request():
            await connection.send(self.answer)
        self.left += 1


async def zeros(pieces: int, size: int = 65536) -> AsyncIterator[bytes]:
    """A body to stream."""
    for _ in range(pieces):
        yield bytes(size)


class TestWhatLeaves:
    async def test_headers_are_exactly_ours(self) -> None:
        with RawServer(answering(b"{}")) as server:
            async with running() as engine:
                sent = {"accept-encoding": "identity", "authorization": "Bearer k", "content-length": "2"}
                await body(engine, post(server.url, b"{}", sent))
            (request,) = server.requests
        assert (request.method, request.path, request.body) == ("POST", "/", b"{}")
        assert request.headers == {**sent, "host": f"127.0.0.1:{server.port}"}

    async def test_a_get_has_no_body_and_no_header_but_host(self) -> None:
        with RawServer(answering(b"{}")) as server:
            async with running() as engine:
                await body(engine, get(server.url))
            assert (server.requests[0].headers, server.requests[0].body) == ({"host": f"127.0.0.1:{server.port}"}, b"")

    async def test_a_stream_of_known_length_is_not_chunked(self) -> None:
        with RawServer(answering(b"{}")) as server:
            async with running() as engine:
                await body(engine, post(server.url, zeros(40), {"content-length": str(40 * 65536)}))
            (request,) = server.requests
        assert "transfer-encoding" not in request.headers
        assert request.headers["content-length"] == str(40 * 65536)
        assert request.body == bytes(40 * 65536)

    async def test_an_upload_is_read_no_faster_than_it_is_taken(self) -> None:
        drawn = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal drawn
            async for piece in zeros(1024):
                drawn += len(piece)
                yield piece

        async def deaf(connection: RawConnection) -> None:
            await asyncio.sleep(30)

        with RawServer(deaf) as server:
            async with running() as engine:
                call = asyncio.create_task(body(engine, post(server.url, counted(), {"content-length": str(64 * MIB)})))
                await until(lambda: drawn)
                held = await settled(lambda: drawn - in_the_kernel(server.port))
                call.cancel()
                await asyncio.wait({call})
        assert drawn < 32 * MIB
        assert held < MIB

    async def test_the_address_is_sent_as_it_is_written(self) -> None:
        with RawServer(answering(b"{}")) as server:
            async with running() as engine:
                await body(engine, get(f"{server.url}/a%2Fb%20c/%C3%A9;v=1?x=%41&y=a+b%26&z"))
            assert server.requests[0].path == "/a%2Fb%20c/%C3%A9;v=1?x=%41&y=a+b%26&z"

    async def test_proxies_and_passwords_of_the_environment_are_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with RawServer(answering(b"{}")) as server, RawServer(answering(b"proxy")) as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            async with running() as engine:
                assert await body(engine, get(server.url)) == b"{}"
        assert proxy.connections == 0

    async def test_cookies_are_not_kept_and_redirects_not_followed(self) -> None:
        head = b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\nset-cookie: a=b\r\n"
        with RawServer(Polite(head + b"content-length: 0\r\n\r\n")) as server:
            async with running() as engine:
                for _ in range(2):
                    response = await engine.handle_async_request(get(f"{server.url}/here"))
                    await response.aclose()
                    assert (response.status_code, response.headers["location"]) == (302, "/elsewhere")
        assert [request.path for request in server.requests] == ["/here", "/here"]
        assert all("cookie" not in request.headers for request in server.requests)


class TestWhatArrives:
    @pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
    def test_reading_stops_when_nobody_takes_the_bytes(self, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        flood = Flood(64 * MIB)

        async def read_slowly() -> int:
            async with running() as engine:
                response = await engine.handle_async_request(get(server.url))
                held = await settled(lambda: flood.sent - in_the_kernel(server.port))
                assert flood.sent < 32 * MIB, "the server could send as if somebody read"
                assert held < MIB
                chunks = response.aiter_raw()
                taken = len(await anext(chunks))
                assert await settled(lambda: flood.sent - in_the_kernel(server.port)) - taken < MIB
                async for chunk in chunks:
                    taken += len(chunk)
                await response.aclose()
            return taken

        with RawServer(flood) as server, asyncio.Runner(loop_factory=loop) as runner:
            assert runner.run(read_slowly()) == 64 * MIB
        assert server.failures == []

    async def test_a_piece_is_here_before_the_next_is_sent(self) -> None:
        go = asyncio.Event()
        loop = asyncio.get_running_loop()
        taken: list[bytes] = []

        async def stepwise(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(HEAD_200 + b"transfer-encoding: chunked\r\n\r\n")
            for number in range(3):
                await connection.send(b"1\r\n%d\r\n" % number)
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go.wait(), loop))
                loop.call_soon_threadsafe(go.clear)
            await connection.send(b"0\r\n\r\n")

        with RawServer(stepwise) as server:
            async with running() as engine:
                response = await engine.handle_async_request(get(server.url))
                async for chunk in response.aiter_raw():
                    taken.append(chunk)
                    go.set()
                await response.aclose()
        assert taken == [b"0", b"1", b"2"]

    async def test_status_and_headers_are_the_servers_also_twice_and_in_latin_1(self) -> None:
        raw = b"HTTP/1.1 418 Teapot\r\nX-One: a\r\nx-one: b\r\nx-odd: \xe9\r\ncontent-length: 0\r\n\r\n"
        with RawServer(Polite(raw)) as server:
            async with running() as engine:
                response = await engine.handle_async_request(get(server.url))
                await response.aclose()
        assert response.status_code == 418
        assert response.headers.get_list("x-one") == ["a", "b"]
        assert response.headers["x-odd"] == "\xe9"
        assert response.headers.raw[0][0] == b"X-One"

    async def test_a_compressed_body_is_left_as_it_is(self) -> None:
        packed = gzip.compress(b"{}" * 100)
        with RawServer(answering(packed, headers=b"content-encoding: gzip\r\n")) as server:
            async with running() as engine:
                assert await body(engine, get(server.url)) == packed

    async def test_a_header_may_be_as_long_as_providers_make_them(self) -> None:
        policy = b"content-security-policy: " + b"x" * 30_000 + b"\r\n"
        with RawServer(answering(b"{}", headers=policy)) as server:
            async with running() as engine:
                assert await body(engine, get(server.url)) == b"{}"

    async def test_informational_answers_are_passed_over(self) -> None:
        hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        with RawServer(Polite(hints + HEAD_200 + b"content-length: 2\r\n\r\n{}")) as server:
            async with running() as engine:
                assert await body(engine, get(server.url)) == b"{}"
                assert await body(engine, get(server.url)) == b"{}"

    async def test_an_answer_in_the_middle_of_the_upload_is_the_answer(self) -> None:
        async def refuse(connection: RawConnection) -> None:
            await connection.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            await connection.silence()

        with RawServer(refuse) as server:
            async with running() as engine:
                request = post(server.url, zeros(512), {"content-length": str(512 * 65536)})
                response = await engine.handle_async_request(request)
                assert response.status_code == 413
                assert [chunk async for chunk in response.aiter_raw()] == [b"{}"]
                await response.aclose()


class TestConnections:
    @pytest.mark.parametrize(
        "answer",
        [
            HEAD_200 + b"content-length: 2\r\n\r\n{}",
            HEAD_200 + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
        ],
    )
    async def test_one_that_was_read_to_its_end_serves_the_next_request(self, answer: bytes) -> None:
        with RawServer(Polite(answer)) as server:
            async with running() as engine:
                for number in range(3):
                    await body(engine, post(f"{server.url}/{number}"))
        assert server.connections == 1
        assert len(server.requests) == 3

    async def test_one_that_was_left_early_is_closed_and_not_used_again(self) -> None:
        script = Polite(HEAD_200 + b"content-length: 100\r\n\r\n{")
        with RawServer(script) as server:
            async with running() as engine:
                for _ in range(2):
                    response = await engine.handle_async_request(get(server.url))
                    assert await anext(response.aiter_raw()) == b"{"
                    await response.aclose()
                await until(lambda: script.left == 2)
        assert server.connections == 2

    async def test_one_whose_answer_nobody_looks_at_is_closed(self) -> None:
        script = Polite(HEAD_200 + b"content-length: 100\r\n\r\n")
        with RawServer(script) as server:
            async with running() as engine:
                response = await engine.handle_async_request(get(server.url))
                await response.aclose()
                await until(lambda: script.left)

    async def test_one_whose_upload_was_cut_by_an_early_answer_is_not_used_again(self) -> None:
        async def answer_first(connection: RawConnection) -> None:
            await connection.send(HEAD_200 + b"content-length: 2\r\n\r\n{}")
            await asyncio.sleep(0.1)  # nothing is read meanwhile, so the upload cannot end
            await connection.silence()

        with RawServer(answer_first) as server:
            async with running() as engine:
                assert await body(engine, post(server.url, zeros(512), {"content-length": str(512 * 65536)})) == b"{}"
                assert await body(engine, post(server.url)) == b"{}"
        assert server.connections == 2

    async def test_one_that_waits_for_its_head_is_closed_on_cancellation(self) -> None:
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def watched(connection: RawConnection) -> None:
            await silent(connection)
            loop.call_soon_threadsafe(gone.set)

        with RawServer(watched) as server:
            async with running() as engine:
                call = asyncio.create_task(body(engine, post(server.url)))
                await until(lambda: server.requests)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                await asyncio.wait_for(gone.wait(), 5)

    async def test_one_that_the_server_has_closed_meanwhile_is_nobodys_error(self) -> None:
        async def once(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(HEAD_200 + b"content-length: 2\r\n\r\n{}")

        with RawServer(once) as server:
            async with running() as engine:
                for _ in range(2):
                    assert await body(engine, post(server.url)) == b"{}"
                    await asyncio.sleep(0.05)  # the end of the connection arrives
        assert server.connections == 2

    async def test_an_end_that_the_loop_has_not_seen_yet_is_nobodys_error_either(self) -> None:
        closed = threading.Event()

        async def once(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(HEAD_200 + b"content-length: 2\r\n\r\n{}")
            connection.reset()
            closed.set()

        with RawServer(once) as server:
            async with running() as engine:
                for _ in range(3):
                    assert await body(engine, post(server.url)) == b"{}"
                    closed.wait(5)  # the loop stands still, the end waits in the kernel
                    time.sleep(0.02)
                    closed.clear()
        assert server.connections == 3

    async def test_there_is_no_limit_on_how_many(self) -> None:
        with RawServer(silent) as server:
            async with running() as engine:
                calls = [asyncio.create_task(body(engine, post(server.url))) for _ in range(130)]
                await until(lambda: len(server.requests) == 130)
                for call in calls:
                    call.cancel()
                await asyncio.wait(calls)

    async def test_closing_the_engine_closes_them_all(self) -> None:
        script = Polite()
        with RawServer(script) as server:
            async with running() as engine:
                await asyncio.gather(*(body(engine, post(server.url)) for _ in range(3)))
                await engine.aclose()
                await until(lambda: script.left == server.connections)
                await engine.aclose()


class TestTls:
    @pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
    def test_a_trusted_server_is_served_over_one_connection(self, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        authority = trustme.CA()
        server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.issue_cert("127.0.0.1").configure_cert(server_side)
        authority.configure_trust(client_side)
        clients = set()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            clients.add(scope["client"])
            body = b"".join([chunk async for chunk in Request(scope, receive).stream()])
            await Response(body)(scope, receive, send)

        async def three_requests() -> None:
            async with running(client_side) as engine:
                for number in range(3):
                    sent = {"content-length": str(20 * 65536)}
                    assert await body(engine, post(f"{server.url}/{number}", zeros(20), sent)) == bytes(20 * 65536)

        with (
            ServerThread(app, tls=server_side, lifespan="off") as server,
            asyncio.Runner(loop_factory=loop) as runner,
        ):
            runner.run(three_requests())
        assert server.failures == []
        assert len(clients) == 1


async def settled(value: Callable[[], int]) -> int:
    """The value once it has stood still for 60 ms."""
    last, now = -1, value()
    while now != last:
        await asyncio.sleep(0.06)
        last, now = now, value()
    return now
