from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message

from imagegate.api.pictures import Pictures
from imagegate.errors import RouteNotFound
from imagegate.media.blobs import BlobStore, LocalBlobs, OpenBlob, StoredBlob
from imagegate.media.links import LinkSigner

DATA = b"\x89PNG\r\n\x1a\n" + os.urandom(600_000)
SIZE = len(DATA)


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


async def stream(data: bytes) -> AsyncIterator[bytes]:
    yield data


def not_found(_: Request, error: Exception) -> Response:
    assert isinstance(error, RouteNotFound)
    return JSONResponse({"error": {"message": error.message, "code": error.code}}, status_code=error.http_status)


def app_with(blobs: BlobStore, signer: LinkSigner) -> Starlette:
    return Starlette(routes=Pictures(blobs, signer).routes(), exception_handlers={RouteNotFound: not_found})


@dataclass
class Server:
    """A running app with one picture in store, and a link to it."""

    client: httpx2.AsyncClient
    blobs: LocalBlobs
    signer: LinkSigner
    clock: Clock
    stored: StoredBlob
    link: str

    async def get(self, **headers: str) -> httpx2.Response:
        return await self.client.get(self.link, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
async def server(tmp_path: Path) -> AsyncGenerator[Server]:
    clock = Clock()
    blobs = LocalBlobs(tmp_path, ttl=3600, max_bytes=10**9, sniff=lambda _: "image/png", clock=clock)
    signer = LinkSigner(bytes(32), 3600, clock)
    stored = await blobs.put(stream(DATA))
    transport = httpx2.ASGITransport(app_with(blobs, signer))
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        yield Server(client, blobs, signer, clock, stored, signer.sign(stored.id, "png"))


async def test_a_picture_needs_no_key_and_has_its_headers(server: Server) -> None:
    server.clock.now += 600
    answer = await server.get()
    assert (answer.status_code, answer.content) == (200, DATA)
    expected = {
        "content-type": "image/png",
        "content-length": str(SIZE),
        "cache-control": "private, max-age=3000",
        "etag": f'"{server.stored.id}"',
        "accept-ranges": "bytes",
        "content-disposition": f'inline; filename="{server.stored.id}.png"',
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "access-control-allow-origin": "*",
    }
    assert {name: answer.headers.get(name) for name in expected} == expected


async def test_a_key_sent_along_does_no_harm(server: Server) -> None:
    assert (await server.get(Authorization="Bearer whatever")).content == DATA


async def test_head_has_the_same_headers_and_no_body(server: Server) -> None:
    head, get = await server.client.head(server.link), await server.get()
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) == dict(get.headers)
    part = await server.client.head(server.link, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["content-length"], part.content) == (206, "10", b"")


async def test_other_methods_are_not_allowed(server: Server) -> None:
    assert (await server.client.post(server.link)).status_code == 405


@pytest.mark.parametrize("tag", ['"{id}"', 'W/"{id}"', '"x", "{id}"', "*"])
async def test_a_copy_that_is_still_right_is_not_sent_again(server: Server, tag: str) -> None:
    answer = await server.get(If_None_Match=tag.format(id=server.stored.id))
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == f'"{server.stored.id}"'
    assert "content-length" not in answer.headers


async def test_another_tag_gets_the_picture(server: Server) -> None:
    assert (await server.get(If_None_Match='"x", "y"')).content == DATA


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-299999", 10, 300_000),
        ("bytes=600000-", 600_000, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        ("bytes=-99999999", 0, SIZE),
        ("bytes=5-99999999", 5, SIZE),
        ("Bytes=3-4", 3, 5),
    ],
)
async def test_one_range_gives_that_part(server: Server, asked: str, start: int, stop: int) -> None:
    answer = await server.get(Range=asked)
    assert (answer.status_code, answer.content) == (206, DATA[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=999999999999-", "bytes=-0", f"bytes={SIZE}-{SIZE + 5}"])
async def test_a_range_outside_the_picture_is_416(server: Server, asked: str) -> None:
    answer = await server.get(Range=asked)
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,5-6",
        "lines=0-1",
        "bytes=5-1",
        "bytes=-",
        "bytes=a-b",
        "bytes",
        "bytes=1-" + "9" * 100,
        "bytes=0-1" + " " * 60 + ",2-3",
    ],
)
async def test_what_is_not_one_range_gives_the_whole_picture(server: Server, asked: str) -> None:
    answer = await server.get(Range=asked)
    assert (answer.status_code, answer.content) == (200, DATA)


@pytest.mark.parametrize("separator", [",", ", ", " ,  "])
async def test_ten_thousand_ranges_cost_nothing(server: Server, separator: str) -> None:
    await server.get()
    asked = "bytes=" + separator.join(f"{start}-{start + 1}" for start in range(0, 20_000, 2))
    tags = ",".join('"x"' for _ in range(10_000))
    began = time.thread_time()
    answer = await server.client.head(server.link, headers={"Range": asked, "If-None-Match": tags})
    assert time.thread_time() - began < 0.05
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(SIZE))


async def test_a_padded_range_costs_nothing(server: Server) -> None:
    await server.get()
    padding = " " * 60_000
    for asked in (f"bytes{padding}x", f"bytes=1{padding}-{padding}x", f"bytes=1-2{padding}x", f"bytes=-{'9' * 60_000}"):
        began = time.thread_time()
        answer = await server.client.head(server.link, headers={"Range": asked})
        assert time.thread_time() - began < 0.05
        assert answer.status_code == 200


async def test_a_range_of_another_picture_gives_the_whole_one(server: Server) -> None:
    same = await server.get(Range="bytes=0-1", If_Range=f'"{server.stored.id}"')
    other = await server.get(Range="bytes=0-1", If_Range='"x"')
    assert (same.status_code, other.status_code) == (206, 200)


async def assert_not_found(server: Server, url: str) -> None:
    for method in ("GET", "HEAD"):
        answer = await server.client.request(method, url)
        assert answer.status_code == 404
    answer = await server.client.get(url)
    assert answer.json()["error"]["code"] == "picture_not_found"


async def test_an_expired_link_is_not_found(server: Server) -> None:
    server.clock.now += 3600
    await assert_not_found(server, server.link)


async def test_a_deleted_picture_is_not_found(server: Server) -> None:
    await server.blobs.delete(server.stored.id, "png")
    await assert_not_found(server, server.link)


async def test_a_link_without_its_signature_is_not_found(server: Server) -> None:
    path = urlsplit(server.link).path
    await assert_not_found(server, path)
    await assert_not_found(server, server.link[:-1])
    await assert_not_found(server, server.link.replace("expires=1", "expires=2"))
    await assert_not_found(server, server.link.replace(".png", ".jpg"))


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/x.png", "/etc/passwd", "a\0.png", "a%00.png", "", "x", "é.png"],
)
async def test_odd_names_are_not_found_even_when_signed(server: Server, name: str) -> None:
    id, _, extension = name.partition(".")
    query = urlsplit(server.signer.sign(id, extension)).query
    await assert_not_found(server, f"/i/{quote(name, safe='')}?{query}")
    await assert_not_found(server, f"/i/{quote(quote(name, safe=''), safe='')}?{query}")


async def test_a_name_is_not_found_below_or_behind_the_picture(server: Server) -> None:
    path, _, query = server.link.partition("?")
    for odd in (f"{path}/", f"{path}/x", f"{path}%00", f"{path}.png", path.replace("/i/", "/i//"), path.upper()):
        answer = await server.client.get(f"{odd}?{query}")
        assert answer.status_code == 404


@dataclass
class SlowBlob:
    """Notes whether the reading of it was ended."""

    stored: StoredBlob
    ended: list[bool] = field(default_factory=list)

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            self.ended.append(True)


@dataclass
class OneBlob:
    blob: SlowBlob

    async def put(self, chunks: AsyncIterator[bytes]) -> StoredBlob:
        raise AssertionError

    async def open(self, id: str, extension: str) -> OpenBlob | None:
        return self.blob

    async def delete(self, id: str, extension: str) -> bool:
        raise AssertionError

    async def sweep(self) -> int:
        raise AssertionError


async def test_a_client_that_leaves_ends_the_reading() -> None:
    blob = SlowBlob(StoredBlob("a", "png", "image/png", 1000, 0.0))
    signer = LinkSigner(bytes(32), 3600)
    path, _, query = signer.sign("a", "png").partition("?")
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > 3:
            raise OSError

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [],
        "root_path": "",
    }
    with pytest.raises((OSError, ClientDisconnect)):
        await app_with(OneBlob(blob), signer)(scope, receive, send)
    assert blob.ended == [True]
