"""Our own links as references: read from the store, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from imagegate.errors import GatewayError, InvalidRequest
from imagegate.media.blobs import LocalBlobs
from imagegate.media.library import PictureLibrary
from imagegate.media.links import LinkSigner
from imagegate.media.own_links import OwnLinksFirst
from imagegate.media.sniff import sniff
from tests.support import pictures

PNG = pictures.noise_png(600_000)
PARAM = "images[0].image_url"


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Outside:
    """The guarded fetcher. ``asked``: urls and params; ``closed``: how many answers were left."""

    failure: GatewayError | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    closed: int = 0
    content_length: int | None = 7

    @asynccontextmanager
    async def open(self, url: str, *, param: str) -> AsyncGenerator[Outside]:
        self.asked.append((url, param))
        if self.failure is not None:
            raise self.failure
        try:
            yield self
        finally:
            self.closed += 1

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b"foreign"


@dataclass
class House:
    """A store with one picture, its link, and the fetcher in front of the outside."""

    clock: Clock
    outside: Outside
    fetcher: OwnLinksFirst
    blobs: LocalBlobs
    link: str

    async def read(self, url: str) -> bytes:
        async with self.fetcher.open(url, param=PARAM) as stream:
            data = b"".join([chunk async for chunk in stream.chunks()])
            assert stream.content_length == len(data)
        return data


async def one_chunk(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.fixture
async def house(tmp_path: Path) -> House:
    clock, outside = Clock(), Outside()
    blobs = LocalBlobs(tmp_path, ttl=3600, max_bytes=10**9, sniff=sniff, clock=clock)
    signer = LinkSigner(bytes(32), 60, clock)
    link = await PictureLibrary(blobs, signer).publish(one_chunk(PNG))
    return House(clock, outside, OwnLinksFirst(blobs, signer, outside), blobs, link)


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:8080", "https://images.example.com", "http://[::1]", "https://u:p@x.test:99"]
)
async def test_our_link_is_read_from_the_store_on_whatever_origin(house: House, origin: str) -> None:
    assert await house.read(origin + house.link) == PNG
    assert house.outside.asked == []


async def test_it_is_read_again_and_a_reader_may_leave(house: House) -> None:
    url = f"http://x.test{house.link}"
    async with house.fetcher.open(url, param=PARAM) as stream:
        first = await anext(aiter(stream.chunks()))
    assert PNG.startswith(first)
    assert await house.read(url) == PNG


@pytest.mark.parametrize(
    "change",
    [
        lambda link: link.replace("expires=1", "expires=2"),
        lambda link: link.replace(".png", ".webp"),
        lambda link: link[:-1] + ("A" if link[-1] != "A" else "B"),
        lambda link: link.partition("?")[0],
        lambda link: link.replace("/i/", "/i/../i/"),
        lambda link: link.replace("/i/", "/v1/i/"),
        lambda link: link.replace("?", "?signature=x&", 1).replace("&signature", "&other", 1),
        lambda link: "/i/.png" + link[link.index("?") :],
        lambda link: "/i/%2e%2e%2fsecret" + link[link.index("?") :],
    ],
)
async def test_an_altered_link_is_a_foreign_url(house: House, change: object) -> None:
    assert callable(change)
    url = f"http://127.0.0.1:8080{change(house.link)}"
    assert await house.read(url) == b"foreign"
    assert house.outside.asked == [(url, PARAM)]
    assert house.outside.closed == 1


async def test_an_expired_link_is_a_foreign_url(house: House) -> None:
    house.clock.now += 61
    assert await house.read(f"http://x.test{house.link}") == b"foreign"


async def test_a_picture_that_has_gone_is_a_foreign_url(house: House) -> None:
    id, _, extension = house.link.partition("?")[0].removeprefix("/i/").partition(".")
    assert await house.blobs.delete(id, extension)
    assert await house.read(f"http://x.test{house.link}") == b"foreign"


@pytest.mark.parametrize(
    "url", ["https://example.com/cat.png", "http://[bad/i/x.png", "nonsense", "", "https://example.com/i/a.png"]
)
async def test_everything_else_goes_outside_as_it_is(house: House, url: str) -> None:
    assert await house.read(url) == b"foreign"
    assert house.outside.asked == [(url, PARAM)]


async def test_the_guards_refusal_is_passed_on(house: House) -> None:
    house.outside.failure = InvalidRequest("private address", param=PARAM)
    with pytest.raises(InvalidRequest, match="private address"):
        await house.read("http://10.0.0.1/i/x.png")


async def test_what_goes_wrong_in_the_block_closes_the_outside_and_is_raised(house: House) -> None:
    with pytest.raises(ZeroDivisionError):
        async with house.fetcher.open("https://example.com/cat.png", param=PARAM):
            raise ZeroDivisionError
    assert house.outside.closed == 1
