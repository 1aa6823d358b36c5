"""Each failure of the wire as httpx2's exception, by which ``failures`` decides whether money may have been spent."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import trustme

from imagegate.upstream.engine import Engine
from tests.support.raw_server import HEAD_200, RawConnection, RawServer, Script, cutting, silent
from tests.support.server import ServerThread, free_port
from tests.support.waiting import until
from tests.upstream.engines import body, full_queue, get, post, running


async def failure(request: httpx2.Request, context: ssl.SSLContext | None = None) -> httpx2.TransportError:
    """What the request, read to its end, raises."""
    async with running(context) as engine:
        with pytest.raises(httpx2.TransportError) as caught:
            await body(engine, request)
    return caught.value


class TestNothingWasSent:
    async def test_nobody_listens(self) -> None:
        assert type(await failure(post(f"http://127.0.0.1:{free_port()}"))) is httpx2.ConnectError

    async def test_the_name_is_unknown(self) -> None:
        assert type(await failure(post("http://provider.invalid"))) is httpx2.ConnectError

    async def test_the_lookup_takes_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def never(*_: object, **__: object) -> None:
            await asyncio.sleep(30)

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
        assert type(await failure(post("http://provider.test", connect=0.1))) is httpx2.ConnectTimeout

    async def test_the_connection_is_never_accepted(self) -> None:
        with full_queue() as port:
            started = time.monotonic()
            assert type(await failure(post(f"http://127.0.0.1:{port}", connect=0.2))) is httpx2.ConnectTimeout
        assert 0.15 < time.monotonic() - started < 2

    async def test_the_handshake_takes_too_long(self) -> None:
        async def mute(connection: RawConnection) -> None:
            await connection.silence()

        with RawServer(mute) as server:
            url = server.url.replace("http:", "https:")
            assert type(await failure(post(url, connect=0.2))) is httpx2.ConnectTimeout

    async def test_the_server_speaks_no_tls(self) -> None:
        async def plain(connection: RawConnection) -> None:
            await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        with RawServer(plain) as server:
            assert type(await failure(post(server.url.replace("http:", "https:")))) is httpx2.ConnectError
        assert server.requests == []

    @pytest.mark.parametrize("fault", ["unknown issuer", "other name"])
    async def test_the_certificate_is_not_to_be_trusted(self, fault: str) -> None:
        authority = trustme.CA()
        server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.issue_cert("provider.test" if fault == "other name" else "127.0.0.1").configure_cert(server_side)
        (trustme.CA() if fault == "unknown issuer" else authority).configure_trust(client_side)
        with ServerThread(uncalled, tls=server_side, lifespan="off") as server:
            assert type(await failure(post(server.url), client_side)) is httpx2.ConnectError
        assert server.failures == []

    async def test_nobodys_certificate_is_not_trusted_by_default(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        authority = trustme.CA()
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(server_side)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

        with ServerThread(uncalled, tls=server_side, lifespan="off") as server:
            engine = Engine()
            try:
                with pytest.raises(httpx2.ConnectError):
                    await engine.handle_async_request(post(server.url))
            finally:
                await engine.aclose()

    @pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http:///x"])
    async def test_the_address_is_none_of_ours(self, url: str) -> None:
        assert type(await failure(httpx2.Request("POST", url, headers={"host": "x"}))) is httpx2.UnsupportedProtocol


class TestSomethingWasSent:
    @pytest.mark.parametrize(
        "script",
        [
            cutting(b""),
            cutting(b"", reset=True),
            cutting(b"HTTP/1.1 200 OK\r\ncontent-"),
            cutting(b"HTTP/1.1 200 OK\r\ncontent-", reset=True),
            cutting(b"<html>no http at all</html>\r\n\r\n"),
            cutting(b"HTTP/1.1 999999 OK\r\n\r\n"),
            cutting(HEAD_200 + b"content-length: -5\r\n\r\n"),
            cutting(HEAD_200 + b"content-length: 5\r\ncontent-length: 6\r\n\r\n123456"),
            cutting(HEAD_200 + b"x: " + b"y" * 200_000 + b"\r\n\r\n"),
        ],
    )
    async def test_the_head_never_comes_or_is_none(self, script: Script) -> None:
        with RawServer(script) as server:
            error = await failure(post(server.url))
        assert isinstance(error, (httpx2.RemoteProtocolError, httpx2.ReadError))
        assert (server.connections, len(server.requests)) == (1, 1)

    @pytest.mark.parametrize("reset", [False, True])
    @pytest.mark.parametrize(
        "sent",
        [
            b"content-length: 100\r\n\r\n{",
            b"content-length: 100\r\n\r\n",
            b'transfer-encoding: chunked\r\n\r\n5\r\n{"a"',
            b'transfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
            b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        ],
    )
    async def test_the_body_is_cut_or_none(self, sent: bytes, reset: bool) -> None:
        with RawServer(cutting(HEAD_200 + sent, reset=reset)) as server:
            error = await failure(post(server.url))
        assert isinstance(error, (httpx2.RemoteProtocolError, httpx2.ReadError))
        assert server.connections == 1

    async def test_a_body_without_length_ends_with_its_connection(self) -> None:
        with RawServer(cutting(HEAD_200 + b"connection: close\r\n\r\n{}")) as server:
            async with running() as engine:
                assert await body(engine, get(server.url)) == b"{}"

    async def test_a_post_on_a_used_connection_is_not_repeated(self) -> None:
        async def second_breaks(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(HEAD_200 + b"content-length: 2\r\n\r\n{}")
            await connection.request()

        with RawServer(second_breaks) as server:
            async with running() as engine:
                assert await body(engine, post(server.url)) == b"{}"
                with pytest.raises(httpx2.RemoteProtocolError):
                    await body(engine, post(server.url))
        assert (server.connections, len(server.requests)) == (1, 2)

    async def test_an_upload_that_breaks_off_here_fails_and_closes_the_connection(self) -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def source() -> AsyncIterator[bytes]:
            yield b"x" * 10
            raise ValueError("the spool is closed")

        async def watched(connection: RawConnection) -> None:
            try:
                await connection.request()
            finally:
                loop.call_soon_threadsafe(ended.set)

        with RawServer(watched) as server:
            error = await failure(post(server.url, source(), {"content-length": "100"}))
            await asyncio.wait_for(ended.wait(), 5)
        assert not isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout))
        assert server.requests == []


async def test_the_callers_deadline_stays_a_timeout() -> None:
    with RawServer(silent) as server:
        async with running() as engine:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await engine.handle_async_request(post(server.url))


async def test_the_callers_deadline_in_the_body_stays_a_timeout() -> None:
    with RawServer(stalling) as server:
        async with running() as engine:
            response = await engine.handle_async_request(post(server.url))
            chunks = response.aiter_raw()
            assert await anext(chunks) == b"{"
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await anext(chunks)
            await response.aclose()


async def test_no_deadline_to_connect_is_possible() -> None:
    with RawServer(silent) as server:
        async with running() as engine:
            call = asyncio.create_task(engine.handle_async_request(post(server.url, connect=None)))
            await until(lambda: server.requests)
            call.cancel()
            await asyncio.wait({call})


async def uncalled(scope: object, receive: object, send: object) -> None:
    """An app that nobody may reach."""
    raise AssertionError("a request came through")


async def stalling(connection: RawConnection) -> None:
    """Begins a body and goes silent."""
    await connection.request()
    await connection.send(HEAD_200 + b"content-length: 100\r\n\r\n{")
    await connection.silence()
