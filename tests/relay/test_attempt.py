"""One call to one candidate: order kept, pictures looked at, everything closed."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import cast

import pytest

from imagegate.domain.channels import Channel
from imagegate.domain.events import (
    CompletedImage,
    Finished,
    ImageBytes,
    ImageDetails,
    ImageEvent,
    ImageLink,
    PartialImage,
    Progress,
    Usage,
    held,
    one_chunk,
)
from imagegate.domain.images import ImageRequest
from imagegate.errors import Ambiguous, BadResponse, InvalidRequest, LimitExceeded, Unavailable
from imagegate.relay.attempt import attempt
from imagegate.upstream.client import Upstream
from tests.relay.scripted import PNG, ScriptedAdapter, channel, drained, picture, request
from tests.support import pictures

RAW = base64.b64decode(PNG)
URL = "https://cdn.test/1.png"


class Downloads:
    """An upstream that only downloads. ``opened`` and ``closed`` count; an exception in ``chunks`` is raised in its place."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self._chunks = chunks
        self.opened = 0
        self.closed = 0

    async def download(self, url: str) -> AsyncGenerator[bytes]:
        assert url == URL
        self.opened += 1
        try:
            for chunk in self._chunks:
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
        finally:
            self.closed += 1


def tried(
    script: Sequence[ImageEvent | Exception],
    downloads: Downloads | None = None,
    seconds: float = 5.0,
    adapter: ScriptedAdapter | None = None,
) -> AsyncGenerator[ImageEvent]:
    """An attempt with this script; ``seconds`` until its deadline."""
    deadline = asyncio.get_running_loop().time() + seconds
    upstream = cast(Upstream, downloads or Downloads())
    return attempt(adapter or ScriptedAdapter({"one": script}), request(), channel("one"), upstream, deadline)


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_events_come_in_order_and_what_is_no_picture_comes_as_it_is() -> None:
    finished = Finished(Usage(1, 2, 3))
    details = ImageDetails(revised_prompt="a better cat")
    script: list[ImageEvent] = [Progress("queued"), PartialImage(held(PNG)), CompletedImage(held(PNG), details), finished]
    events = [event async for event in tried(script)]
    assert [type(event) for event in events] == [Progress, PartialImage, CompletedImage, Finished]
    assert (events[0], events[3]) == (script[0], finished)
    assert isinstance(events[2], CompletedImage)
    assert events[2].details is details, "a provider may complete them after the picture"


async def test_no_more_of_a_picture_is_read_than_its_beginning() -> None:
    taken = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal taken
        for start in range(0, len(PNG), 20):
            taken += 1
            yield PNG[start : start + 20]

    events = tried([CompletedImage(ImageBytes(counted()))])
    event = await anext(events)
    assert taken == 4, "64 characters are looked at"
    assert isinstance(event, CompletedImage)
    assert isinstance(event.source, ImageBytes)
    assert b"".join([piece async for piece in event.source.chunks]) == PNG
    assert await anext(events, None) is None


@pytest.mark.parametrize(
    "pieces",
    [
        (PNG,),
        (PNG[:1], PNG[1:]),
        (b"", PNG[:3], b"", PNG[3:]),
        (b"data:image/png;base64," + PNG,),
        (b"data:image/png;base64,", PNG),
        (b"data:", b"image/png;base64,", PNG[:2], PNG[2:]),
    ],
)
async def test_base64_in_whatever_pieces_and_as_a_data_url(pieces: tuple[bytes, ...]) -> None:
    assert await drained(tried([CompletedImage(ImageBytes(chunks(*pieces)))])) == [("CompletedImage", PNG)]


@pytest.mark.parametrize(("kind", "form"), [("png", "png"), ("jpeg", "jpeg"), ("webp", "webp"), ("gif", "gif")])
async def test_the_first_bytes_tell_the_format_whatever_the_provider_says(kind: pictures.Format, form: str) -> None:
    data = pictures.picture(kind)
    for source in (held(base64.b64encode(data)), ImageBytes(one_chunk(data), "raw")):
        details = ImageDetails(output_format="bmp")
        assert await drained(tried([CompletedImage(source, details)]))
        assert (details.found_format, details.output_format) == (form, "bmp")


async def test_raw_bytes_stay_raw() -> None:
    events = tried([PartialImage(ImageBytes(chunks(RAW[:5], RAW[5:]), "raw"))])
    event = await anext(events)
    assert isinstance(event, PartialImage)
    assert isinstance(event.source, ImageBytes)
    assert event.source.encoding == "raw"
    assert b"".join([piece async for piece in event.source.chunks]) == RAW
    await events.aclose()


@pytest.mark.parametrize("kind", [PartialImage, CompletedImage])
async def test_a_link_is_downloaded_as_raw_bytes(kind: type[PartialImage] | type[CompletedImage]) -> None:
    downloads = Downloads(RAW[:70], RAW[70:])
    seen = await drained(tried([kind(ImageLink(URL)), Finished()], downloads))
    assert seen == [(kind.__name__, RAW), ("Finished", b"")]
    assert (downloads.opened, downloads.closed) == (1, 1)


@pytest.mark.parametrize("cut", [7, 100_000])
@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif"])
async def test_what_the_provider_leaves_unsaid_the_picture_tells(kind: pictures.Format, cut: int) -> None:
    data = base64.b64encode(pictures.picture(kind, (320, 200)))
    pieces = [data[start : start + cut] for start in range(0, len(data), cut)]
    event = await anext(tried([CompletedImage(ImageBytes(chunks(*pieces)))]))
    assert isinstance(event, CompletedImage) and isinstance(event.source, ImageBytes)
    assert (event.details.found_format, event.details.size) == (kind, "320x200")
    assert b"".join([piece async for piece in event.source.chunks]) == data


async def test_what_the_provider_says_stays_and_a_preview_has_no_size_of_its_own() -> None:
    data = base64.b64encode(pictures.png((320, 200)))
    said = ImageDetails(size="1024x1024", output_format="webp")
    script: list[ImageEvent] = [PartialImage(held(data)), CompletedImage(held(data), said)]
    preview, event = [event async for event in tried(script)]
    assert isinstance(preview, PartialImage) and isinstance(event, CompletedImage)
    assert (preview.details.found_format, preview.details.size) == ("png", None)
    details = event.details
    assert (details.found_format, details.output_format, details.size) == ("png", "webp", "1024x1024")


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("base64", b""),
        ("base64", b"PGh0bWw+PC9odG1sPg=="),
        ("base64", b"\x89PNG\r\n\x1a\n" + bytes(80)),
        ("base64", b"data:text/html;base64,PGh0bWw+PC9odG1sPg=="),
        ("base64", b"data:" + PNG),
        ("base64", "é".encode() * 40),
        ("raw", b""),
        ("raw", b"<html><body>Sign in</body></html>"),
        ("raw", PNG),
    ],
)
async def test_what_is_no_picture_is_a_bad_response(encoding: str, content: bytes) -> None:
    source = ImageBytes(chunks(content), "raw" if encoding == "raw" else "base64")
    adapter = ScriptedAdapter({"one": [CompletedImage(source)]})
    with pytest.raises(BadResponse) as caught:
        await drained(tried([], adapter=adapter))
    assert "html" not in caught.value.message
    assert adapter.closed == 1


async def test_a_link_to_something_else_is_a_bad_response_and_its_connection_is_closed() -> None:
    downloads = Downloads(b"<html>" + bytes(100), b"more", b"and more")
    with pytest.raises(BadResponse):
        await drained(tried([CompletedImage(ImageLink(URL))], downloads))
    assert (downloads.opened, downloads.closed) == (1, 1)


@pytest.mark.parametrize("before", [(), (RAW,)])
@pytest.mark.parametrize(
    "refusal", [InvalidRequest("private address", param="url"), LimitExceeded("private slots", retry_after=20)]
)
async def test_what_the_guard_refuses_is_not_the_callers_fault(before: tuple[bytes, ...], refusal: Exception) -> None:
    downloads = Downloads(*before, refusal)
    with pytest.raises(BadResponse) as caught:
        await drained(tried([CompletedImage(ImageLink(URL))], downloads))
    assert "private" not in caught.value.message
    assert caught.value.should_retry is False, "the picture is paid"


async def test_a_data_url_in_place_of_a_link_is_nobodys_download() -> None:
    downloads = Downloads()
    link = ImageLink("data:image/png;base64," + PNG.decode())
    assert await drained(tried([CompletedImage(link)], downloads)) == [("CompletedImage", PNG)]
    assert downloads.opened == 0


async def test_an_upstream_error_of_the_download_is_passed_on() -> None:
    with pytest.raises(BadResponse, match="cut"):
        await drained(tried([CompletedImage(ImageLink(URL))], Downloads(RAW, BadResponse("cut"))))


async def test_leaving_in_the_middle_of_a_download_closes_it() -> None:
    downloads = Downloads(RAW, RAW, RAW)
    adapter = ScriptedAdapter({"one": [CompletedImage(ImageLink(URL))]})
    events = tried([], downloads, adapter=adapter)
    event = await anext(events)
    assert isinstance(event, CompletedImage)
    assert isinstance(event.source, ImageBytes)
    assert await anext(event.source.chunks) == RAW
    await events.aclose()
    assert downloads.closed == 1
    assert adapter.closed == 1


async def test_leaving_before_the_picture_is_read_closes_the_download() -> None:
    downloads = Downloads(RAW)
    events = tried([CompletedImage(ImageLink(URL))], downloads)
    await anext(events)
    await events.aclose()
    assert downloads.closed == 1


async def test_what_the_adapter_raises_is_passed_on() -> None:
    adapter = ScriptedAdapter({"one": [Progress("x"), Unavailable("busy")]})
    with pytest.raises(Unavailable, match="busy"):
        await drained(tried([], adapter=adapter))
    assert adapter.closed == 1


class Slow(ScriptedAdapter):
    """Takes its time before the script."""

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        try:
            await asyncio.sleep(30)
            yield picture()
        finally:
            self.closed += 1


async def test_the_deadline_ends_the_wait_for_an_event() -> None:
    adapter = Slow({})
    with pytest.raises(Ambiguous) as caught:
        await drained(tried([], seconds=0.05, adapter=adapter))
    assert caught.value.timed_out
    assert adapter.closed == 1


async def test_what_comes_after_the_first_event_has_its_deadline_from_the_upstream() -> None:
    class Unhurried(ScriptedAdapter):
        async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
            yield Progress("queued")
            await asyncio.sleep(0.1)
            yield picture()

    assert await drained(tried([], seconds=0.05, adapter=Unhurried({}))) == [("Progress", b""), ("CompletedImage", PNG)]


async def test_a_deadline_that_has_passed_begins_nothing() -> None:
    adapter = Slow({})
    with pytest.raises(Ambiguous):
        await drained(tried([], seconds=-1, adapter=adapter))
