from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from imagegate.api.openai.reference_forms import MAX_IMAGE_URL, Reference
from imagegate.api.openai.references import ReferenceReader
from imagegate.domain.images import InputImage
from imagegate.errors import InvalidRequest, TooLarge
from imagegate.media.inputs import ImageInspector, InspectionLimits
from imagegate.media.spool import SpoolBudget, Spools
from tests.support import pictures


@dataclass
class MemorySpool:
    data: bytearray = field(default_factory=bytearray)
    finished: bool = False

    async def write(self, data: bytes) -> None:
        self.data += data

    async def finish(self) -> None:
        self.finished = True

    @property
    def size(self) -> int:
        return len(self.data)

    async def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    async def chunks(self) -> AsyncIterator[bytes]:
        yield bytes(self.data)

    async def read(self) -> bytes:
        return bytes(self.data)


class MemorySpools:
    def __init__(self) -> None:
        self.made: list[MemorySpool] = []

    def new(self) -> MemorySpool:
        self.made.append(MemorySpool())
        return self.made[-1]


class TextInspector:
    """Takes everything for a picture but HTML; the name shows param and index."""

    async def inspect(self, spool: MemorySpool, *, param: str, index: int) -> InputImage:
        assert spool.finished
        if spool.data.startswith(b"<html"):
            raise InvalidRequest("no picture", code="unsupported_image", param=param)
        return InputImage(spool, "image/png", f"{param}-{index}")


@dataclass
class Body:
    pieces: tuple[bytes, ...]
    seconds: float = 0.0
    content_length: int | None = None

    async def chunks(self) -> AsyncGenerator[bytes]:
        for piece in self.pieces:
            await asyncio.sleep(self.seconds)
            yield piece


class WebFetcher:
    """The web as a dict; counts calls and how many were open at once."""

    def __init__(self, web: Mapping[str, Body]) -> None:
        self._web = web
        self.fetched: list[str] = []
        self.open_now = 0
        self.most_open = 0

    @asynccontextmanager
    async def open(self, url: str, *, param: str) -> AsyncIterator[Body]:
        self.fetched.append(url)
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            await asyncio.sleep(0)
            if url not in self._web:
                raise InvalidRequest("not fetched", code="image_fetch_failed", param=param)
            yield self._web[url]
        finally:
            self.open_now -= 1


@dataclass
class Desk:
    """A reader with its fakes at hand."""

    reader: ReferenceReader[MemorySpool]
    fetcher: WebFetcher
    spools: MemorySpools

    async def read(self, *values: object) -> list[InputImage]:
        return await self.reader.read_all([Reference(value, f"images[{number}]") for number, value in enumerate(values)])


def desk(web: Mapping[str, Body] | None = None, *, max_image: int = 10**8, max_total: int = 10**9) -> Desk:
    fetcher, spools = WebFetcher(web or {}), MemorySpools()
    return Desk(ReferenceReader(fetcher, spools, TextInspector(), max_image=max_image, max_total=max_total), fetcher, spools)


def data_url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


async def contents(images: list[InputImage]) -> list[bytes]:
    return [await image.content.read() for image in images]


async def test_every_form_is_read_in_the_callers_order() -> None:
    at = desk({"https://a.test/1": Body((b"web", b" one"), seconds=0.02), "https://a.test/2": Body((b"web two",))})
    images = await at.read(
        "https://a.test/1",
        base64.b64encode(b"bare").decode(),
        {"image_url": "https://a.test/2"},
        {"image_url": {"url": data_url(b"object")}},
        {"b64_json": base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode().rstrip("=")},
        {"url": data_url(b"url")},
    )
    assert await contents(images) == [b"web one", b"bare", b"web two", b"object", b"\xff\xfe\xfd", b"url"]
    assert [image.filename for image in images] == [f"images[{number}]-{number}" for number in range(6)]


async def test_no_references_are_no_pictures() -> None:
    assert await desk().read() == []


async def test_a_mask_is_read_alone_and_shares_what_was_fetched() -> None:
    at = desk({"https://a.test/1": Body((b"one",))})
    await at.read("https://a.test/1")
    mask = await at.reader.read_one(Reference({"image_url": "https://a.test/1"}, "mask"))
    assert (await mask.content.read(), mask.filename) == (b"one", "mask-0")
    assert at.fetcher.fetched == ["https://a.test/1"]


async def test_the_same_url_is_fetched_once_but_inspected_for_each_place() -> None:
    at = desk({"https://a.test/1": Body((b"one",), seconds=0.01)})
    images = await at.read("https://a.test/1", {"url": "https://a.test/1"}, "https://a.test/1")
    assert await contents(images) == [b"one"] * 3
    assert [image.filename for image in images] == ["images[0]-0", "images[1]-1", "images[2]-2"]
    assert at.fetcher.fetched == ["https://a.test/1"]


async def test_at_most_four_fetches_run_at_once() -> None:
    web = {f"https://a.test/{number}": Body((b"x",), seconds=0.005) for number in range(17)}
    at = desk(web)
    await at.read(*web)
    assert (len(at.fetcher.fetched), at.fetcher.most_open, at.fetcher.open_now) == (17, 4, 0)


async def test_the_first_failure_cancels_the_rest_at_once() -> None:
    web = {f"https://a.test/{number}": Body((b"x",), seconds=60) for number in range(10)}
    at = desk(web)
    began = time.perf_counter()
    with pytest.raises(InvalidRequest) as caught:
        await at.read("https://a.test/gone", *web)
    assert time.perf_counter() - began < 1
    assert (caught.value.code, caught.value.param) == ("image_fetch_failed", "images[0]")
    assert at.fetcher.open_now == 0
    assert len(at.fetcher.fetched) <= 5


async def test_a_fetched_page_that_is_no_picture_cancels_the_rest() -> None:
    at = desk({"https://a.test/html": Body((b"<html>",)), "https://a.test/slow": Body((b"x",), seconds=60)})
    with pytest.raises(InvalidRequest) as caught:
        await at.read("https://a.test/slow", "https://a.test/html")
    assert (caught.value.code, caught.value.param) == ("unsupported_image", "images[1]")
    assert at.fetcher.open_now == 0


async def test_a_failed_url_named_twice_is_one_plain_error() -> None:
    at = desk()
    with pytest.raises(InvalidRequest) as caught:
        await at.read("https://a.test/gone", "https://a.test/gone")
    assert caught.value.param == "images[0]"
    assert len(at.fetcher.fetched) == 1


async def test_a_failure_of_ours_comes_out_as_it_is() -> None:
    class Full(MemorySpools):
        def new(self) -> MemorySpool:
            raise OSError("disk full")

    reader = ReferenceReader(WebFetcher({}), Full(), TextInspector())
    with pytest.raises(OSError, match="disk full"):
        await reader.read_all([Reference("QUJD", "images[0]"), Reference("QUJD", "images[1]")])


async def test_a_spool_that_fails_is_not_taken_for_bad_base64() -> None:
    class Closed(MemorySpool):
        async def write(self, data: bytes) -> None:
            raise ValueError("closed file")

    class ClosedSpools(MemorySpools):
        def new(self) -> MemorySpool:
            return Closed()

    with pytest.raises(ValueError, match="closed file"):
        await ReferenceReader(WebFetcher({}), ClosedSpools(), TextInspector()).read_one(Reference("QUJD", "mask"))


async def test_every_form_is_checked_before_anything_is_fetched() -> None:
    at = desk({"https://a.test/1": Body((b"one",))})
    with pytest.raises(InvalidRequest) as caught:
        await at.read("https://a.test/1", {"file_id": "file-1"})
    assert (caught.value.code, caught.value.param) == ("file_id_not_supported", "images[1]")
    assert (at.fetcher.fetched, at.spools.made) == ([], [])


async def test_cancelling_the_request_closes_the_fetches() -> None:
    at = desk({"https://a.test/slow": Body((b"x",), seconds=60)})
    task = asyncio.create_task(at.read("https://a.test/slow", "QUJD"))
    await asyncio.sleep(0.01)
    assert at.fetcher.open_now == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert at.fetcher.open_now == 0


@pytest.mark.parametrize(
    "text", ["QUJ!", "QUJDQ", "QU JD", "QUJD\nQUJD", "www.pictures.test/a.png", "ÄÖÜ", "data:image/png;base64,%41"]
)
async def test_bad_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await desk().read("QUJD", text)
    assert (caught.value.code, caught.value.param) == ("invalid_base64", "images[1]")


async def test_bad_base64_at_the_end_of_a_long_text_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        await desk().read("A" * 1_000_000 + "!AAA")
    assert caught.value.code == "invalid_base64"


async def test_one_picture_that_is_too_large_is_refused_while_it_arrives() -> None:
    at = desk({"https://a.test/big": Body((b"x" * 60, b"x" * 60, b"x" * 60))}, max_image=100)
    for value in ("https://a.test/big", data_url(bytes(101))):
        with pytest.raises(TooLarge) as caught:
            await at.read(value)
        assert (caught.value.code, caught.value.param) == ("image_too_large", "images[0]")
    assert at.spools.made[0].size == 60


async def test_an_announced_length_is_refused_before_anything_is_read() -> None:
    at = desk({"https://a.test/big": Body((b"x",), content_length=101)}, max_image=100)
    with pytest.raises(TooLarge):
        await at.read("https://a.test/big")
    assert at.spools.made == []


async def test_all_pictures_together_have_a_limit() -> None:
    at = desk({"https://a.test/1": Body((b"x" * 90,))}, max_total=200)
    await at.read("https://a.test/1", "https://a.test/1", "https://a.test/1", data_url(bytes(90)))
    with pytest.raises(TooLarge) as caught:
        await at.reader.read_one(Reference(data_url(bytes(21)), "mask"))
    assert (caught.value.code, caught.value.param) == ("images_too_large", "mask")


async def longest_pause(work: asyncio.Task[list[InputImage]]) -> float:
    """Seconds for which ``work`` kept the event loop busy in one go; of this thread only, so that other load does not count."""
    longest = 0.0
    while not work.done():
        began = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - began)
    return longest


async def test_the_event_loop_stays_free_while_long_data_urls_are_decoded() -> None:
    head = "data:image/png;base64,"
    text = head + base64.b64encode(os.urandom((MAX_IMAGE_URL - len(head)) // 4 * 3)).decode()
    # Decoding in one go takes some 30 ms. The best of three, because a thread also pays for cold caches.
    pauses = []
    for _ in range(3):
        work = asyncio.create_task(desk().read(text))
        pauses.append(await longest_pause(work))
        assert (await work)[0].content.size > 15_000_000
    assert min(pauses) < 0.005


async def test_many_long_data_urls_take_turns() -> None:
    text = data_url(os.urandom(1_000_000))
    work = asyncio.create_task(desk().read(*[text] * 16))
    turns = 0
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 5
    assert len(await work) == 16


@pytest.fixture
async def spools() -> AsyncGenerator[Spools]:
    async with Spools(SpoolBudget(10**8)) as opened:
        yield opened


async def test_with_real_spools_and_inspector(spools: Spools) -> None:
    png, jpeg = pictures.noise_png(2_000_000), pictures.jpeg((8, 6))
    fetcher = WebFetcher({"https://a.test/1": Body((jpeg[:100], jpeg[100:]))})
    reader = ReferenceReader(fetcher, spools, ImageInspector(InspectionLimits()))
    first, second = await reader.read_all([Reference(data_url(png), "images[0]"), Reference("https://a.test/1", "images[1]")])
    assert (first.media_type, await first.content.sha256()) == ("image/png", hashlib.sha256(png).hexdigest())
    assert await first.content.read() == png
    assert (second.media_type, second.width, second.height) == ("image/jpeg", 8, 6)
    assert await second.content.read() == jpeg


@pytest.mark.parametrize("body", [b"<html><body>", b"<svg xmlns='x'>", b"GIF89a", b"", b"\x89PN"])
async def test_only_the_bytes_say_whether_it_is_a_picture(spools: Spools, body: bytes) -> None:
    fetcher = WebFetcher({"https://a.test/1": Body((body,))})
    reader = ReferenceReader(fetcher, spools, ImageInspector(InspectionLimits()))
    inline = Reference({"b64_json": base64.b64encode(body).decode() or "===="}, "images[3]")
    for reference in (Reference("https://a.test/1", "images[3]"), inline):
        with pytest.raises(InvalidRequest) as caught:
            await reader.read_one(reference)
        assert caught.value.param == "images[3]"
        assert caught.value.code in {"unsupported_image", "invalid_image_file", "invalid_base64"}
