"""The verbs of ``Upstream`` over real sockets: what is sent, what is read, which urls are ours."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator

import httpx2
import pytest

from imagegate.domain.channels import Timeouts
from imagegate.errors import BadResponse, RateLimited
from imagegate.upstream.client import ANSWER_LIMIT, Account, Answer, Refusal, Upstream
from imagegate.upstream.form import FormFile, MultipartForm
from tests.support import multipart
from tests.support.held import held_image
from tests.support.raw_server import HEAD_200, RawConnection, RawServer, Script, answering, cutting, silent
from tests.upstream.accounts import Clerk, Door, account

GOOD = answering(b'{"ok":true}')


async def get(server: RawServer, path: str = "/x") -> Answer:
    """One small answer, read and closed."""
    async with account(server.url) as upstream, upstream.get(path) as answer:
        await answer.read()
        return answer


async def test_a_json_call_sends_our_headers_and_nothing_else() -> None:
    with RawServer(GOOD) as server:
        async with (
            account(f"{server.url}/v1") as upstream,
            upstream.post_json("/images/generations", {"prompt": "ü"}, headers={"accept": "application/json"}) as answer,
        ):
            assert await answer.json() == {"ok": True}
        (sent,) = server.requests
    assert (sent.method, sent.path) == ("POST", "/v1/images/generations")
    assert json.loads(sent.body) == {"prompt": "ü"}
    assert sent.headers == {
        "host": f"127.0.0.1:{server.port}",
        "authorization": "Bearer sk-provider",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(sent.body)),
    }


async def test_a_get_has_no_body_and_no_content_headers() -> None:
    with RawServer(GOOD) as server:
        await get(server, "models/x?y=1")
        (sent,) = server.requests
    assert (sent.method, sent.path, sent.body) == ("GET", "/models/x?y=1", b"")
    assert set(sent.headers) == {"host", "authorization", "accept-encoding"}


async def test_a_form_is_sent_with_its_length() -> None:
    form = MultipartForm([("prompt", "x")], [FormFile("image", held_image(b"abc" * 100_000))])
    with RawServer(GOOD) as server:
        async with account(server.url) as upstream, upstream.post_form("/edits", form) as answer:
            assert answer.status == 200
        (sent,) = server.requests
    parts = multipart.parse(sent.headers["content-type"], sent.body)
    assert [(part.name, part.data) for part in parts] == [("prompt", b"x"), ("image", b"abc" * 100_000)]
    assert sent.headers["content-length"] == str(len(sent.body))
    assert "transfer-encoding" not in sent.headers


async def test_a_later_header_replaces_an_earlier_one_whatever_its_case() -> None:
    class Recorder(httpx2.AsyncBaseTransport):
        sent: httpx2.Request

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            self.sent = request
            return httpx2.Response(200, content=b"{}")

    recorder = Recorder()
    own = {"authorization": "Bearer one", "Authorization": "Token two", "Content-Type": "text/plain", "Accept-Encoding": "br"}
    described = Account("http://x.test", own, Clerk().classify)
    upstream = Upstream(recorder, described, Door(), asyncio.get_running_loop().time() + 5)
    async with upstream.post_json("/x", {}, headers={"ACCEPT": "text/event-stream"}):
        pass
    names = [name.lower() for name, _ in recorder.sent.headers.raw]
    assert sorted(names) == sorted(set(names))
    assert recorder.sent.headers["authorization"] == "Token two"
    assert recorder.sent.headers["content-type"] == "application/json"
    assert recorder.sent.headers["accept"] == "text/event-stream"


async def test_cookies_are_not_kept() -> None:
    with RawServer(answering(b"{}", headers=b"set-cookie: id=1; Path=/\r\n")) as server:
        async with account(server.url) as upstream:
            for _ in range(2):
                async with upstream.get("/x") as answer:
                    await answer.read()
        assert [request.headers.get("cookie") for request in server.requests] == [None, None]


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(silent) as proxy, RawServer(GOOD) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        await get(server)
        assert proxy.connections == 0


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_a_refusal_and_never_followed(status: str) -> None:
    clerk = Clerk()
    with RawServer(GOOD) as target:
        script = answering(b"", status=status, headers=f"location: {target.url}/stolen\r\n".encode())
        with RawServer(script) as server:
            async with account(server.url, clerk=clerk) as upstream:
                with pytest.raises(RateLimited, match="classified"):
                    async with upstream.post_json("/x", {}):
                        pass
            assert server.connections == 1
        assert target.connections == 0
    assert [refusal.status for refusal in clerk.refusals] == [int(status[:3])]
    assert clerk.refusals[0].headers["Location"].endswith("/stolen")


@pytest.mark.parametrize("size", [0, 65_536, 65_537, 3_000_000])
async def test_the_adapter_sees_at_most_64_kib_of_a_refusal(size: int) -> None:
    clerk = Clerk()
    with RawServer(answering(b"x" * size, status="400 Bad Request")) as server:
        async with account(server.url, clerk=clerk) as upstream:
            with pytest.raises(RateLimited):
                async with upstream.get("/x"):
                    pass
    assert clerk.refusals[0].body == b"x" * min(size, 65_536)


@pytest.mark.parametrize(
    ("script", "body"),
    [
        (answering(gzip.compress(b'{"error":1}'), status="400 Bad", headers=b"content-encoding: gzip\r\n"), b'{"error":1}'),
        (answering(b"no gzip", status="400 Bad", headers=b"content-encoding: gzip\r\n"), b""),
        (cutting(b"HTTP/1.1 400 Bad\r\ncontent-length: 50\r\n\r\n{", reset=True), b""),
    ],
)
async def test_a_refusal_whose_body_fails_is_classified_by_its_status(script: Script, body: bytes) -> None:
    clerk = Clerk()
    with RawServer(script) as server:
        async with account(server.url, clerk=clerk) as upstream:
            with pytest.raises(RateLimited):
                async with upstream.get("/x"):
                    pass
    assert [(refusal.status, refusal.body) for refusal in clerk.refusals] == [(400, body)]


async def test_a_refusal_whose_body_stalls_is_classified_by_its_status() -> None:
    async def stall(connection: RawConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 429 Slow\r\ncontent-length: 50\r\n\r\n{")
        await connection.silence()

    clerk = Clerk()
    with RawServer(stall) as server:
        async with account(server.url, clerk=clerk) as upstream:
            with pytest.raises(RateLimited):
                async with upstream.get("/x"):
                    pass
    assert clerk.refusals[0].status == 429


@pytest.mark.parametrize(
    ("body", "parsed"), [(b'{"a":[1]}', {"a": [1]}), (b"<html>", None), (b"", None), (b"\xff", None), (b"3", 3)]
)
def test_a_refusal_is_read_as_json_when_it_is_some(body: bytes, parsed: object) -> None:
    assert Refusal(400, {}, body).json == parsed


async def test_an_answer_is_handed_on_while_it_arrives() -> None:
    step = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def script(connection: RawConnection) -> None:
        await connection.request()
        await connection.send(HEAD_200 + b"content-length: 6\r\n\r\nabc")
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(step.wait(), loop))
        await connection.send(b"def")

    with RawServer(script) as server:
        async with account(server.url) as upstream, upstream.get("/x") as answer:
            chunks = answer.chunks()
            assert await anext(chunks) == b"abc"
            step.set()
            assert [chunk async for chunk in chunks] == [b"def"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"content-type: Text/Event-Stream; charset=utf-8\r\n", "text/event-stream"),
        (b"content-type: application/json\r\n", "application/json"),
        (b"", ""),
    ],
)
async def test_the_content_type_is_told_without_its_parameters(header: bytes, expected: str) -> None:
    with RawServer(answering(b"{}", headers=header)) as server:
        assert (await get(server)).content_type == expected


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"gzip", gzip.compress(b'{"ok":true}', mtime=0)),
        (b"deflate", zlib.compress(b'{"ok":true}')),
        (b"GZIP", gzip.compress(b'{"ok":true}', mtime=0)),
        (b"identity", b'{"ok":true}'),
        (b"Identity", b'{"ok":true}'),
        (b"", b'{"ok":true}'),
    ],
)
async def test_an_answer_that_is_compressed_all_the_same_is_unpacked(encoding: bytes, body: bytes) -> None:
    with RawServer(answering(body, headers=b"content-encoding: " + encoding + b"\r\n")) as server:
        async with account(server.url) as upstream, upstream.get("/x") as answer:
            assert await answer.json() == {"ok": True}


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"a":', b"\xff\xfe"])
async def test_json_that_is_none_is_a_bad_response(body: bytes) -> None:
    with RawServer(answering(body)) as server:
        async with account(server.url) as upstream, upstream.get("/x") as answer:
            with pytest.raises(BadResponse):
                await answer.json()


async def test_small_answers_have_their_own_limit() -> None:
    with RawServer(answering(b"x" * 1001)) as server:
        async with account(server.url) as upstream:
            async with upstream.get("/x") as answer:
                assert len(await answer.read(1001)) == 1001
            async with upstream.get("/x") as answer:
                with pytest.raises(BadResponse):
                    await answer.read(1000)


@pytest.mark.parametrize("excess", [0, 1])
async def test_an_answer_is_read_up_to_the_limit_and_not_beyond(excess: int) -> None:
    piece = bytes(4 * 1024 * 1024)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(ANSWER_LIMIT // len(piece)):
            yield piece
        yield bytes(excess)

    response = httpx2.Response(200, content=endless())
    answer = Answer(response, 5.0, asyncio.get_running_loop().time() + 60)
    total = 0
    if not excess:
        async for chunk in answer.chunks():
            total += len(chunk)
    else:
        with pytest.raises(BadResponse):
            async for chunk in answer.chunks():
                total += len(chunk)
    assert total == ANSWER_LIMIT


async def test_a_small_body_that_unpacks_to_gigabytes_stops_at_the_limit() -> None:
    bomb = zlib.compressobj(9, wbits=31)
    zeros = bytes(16 * 1024 * 1024)
    body = b"".join(bomb.compress(zeros) for _ in range(3)) + bomb.flush()
    with RawServer(answering(body, headers=b"content-encoding: gzip\r\n")) as server:
        async with account(server.url) as upstream, upstream.get("/x") as answer:
            with pytest.raises(BadResponse):
                await answer.json()


async def test_a_connection_serves_several_calls_and_a_dead_one_is_nobodys_error() -> None:
    async def two_calls(connection: RawConnection) -> None:
        for _ in range(2):
            await connection.request()
            await connection.send(HEAD_200 + b"content-length: 2\r\n\r\n{}")

    with RawServer(two_calls) as server:
        async with account(server.url) as upstream:
            for _ in range(5):
                async with upstream.post_json("/x", {}) as answer:
                    await answer.read()
                await asyncio.sleep(0.02)  # lets the end of the connection arrive
        assert (len(server.requests), server.connections) == (5, 3)


def test_deadlines_have_their_defaults() -> None:
    assert Account("http://x.test", {}, Clerk().classify).timeouts == Timeouts()
