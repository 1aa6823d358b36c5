"""Pictures in the form that the caller asked for."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Literal

import pytest

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
)
from imagegate.domain.output import Output
from imagegate.errors import BadResponse, GatewayError, RateLimited
from imagegate.relay.conversion import Conversion
from imagegate.relay.delivery import deliver
from imagegate.relay.relay import Report
from tests.relay.converting import Counted, Scribe
from tests.relay.scripted import PNG

RAW = base64.b64decode(PNG)
Form = Literal["b64_json", "url"]
LINK = "https://gateway.test/i/1.png?signature=x"


class Shelf:
    """Keeps what it is given. ``failure`` is raised after the first chunk."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.kept: list[bytes] = []
        self._failure = failure

    async def publish(self, chunks: AsyncIterator[bytes]) -> str:
        data = b""
        async for chunk in chunks:
            data += chunk
            if self._failure is not None:
                raise self._failure
        self.kept.append(data)
        return LINK


class Source:
    """Events of a relay. ``closed``: whether they were closed."""

    def __init__(self, events: Sequence[ImageEvent | Exception]) -> None:
        self._events = events
        self.closed = False

    async def __call__(self) -> AsyncGenerator[ImageEvent]:
        try:
            for event in self._events:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed = True


async def pieces(*chunks: bytes | Exception) -> AsyncIterator[bytes]:
    for chunk in chunks:
        if isinstance(chunk, Exception):
            raise chunk
        yield chunk


def raw(*chunks: bytes | Exception) -> ImageBytes:
    return ImageBytes(pieces(*(chunks or (RAW[:7], RAW[7:]))), "raw")


def delivery(
    events: AsyncGenerator[ImageEvent],
    form: Form,
    shelf: Shelf,
    report: Report | None = None,
    conversion: Conversion | None = None,
) -> AsyncGenerator[ImageEvent]:
    return deliver(events, form, shelf, report or Report(), conversion or Conversion(Scribe(), Counted()))


async def delivered(
    events: Sequence[ImageEvent | Exception],
    form: Form,
    shelf: Shelf | None = None,
    report: Report | None = None,
    conversion: Conversion | None = None,
) -> list[tuple[str, bytes | str]]:
    """Names of the events, and their base64 or urls."""
    seen: list[tuple[str, bytes | str]] = []
    async for event in delivery(Source(events)(), form, shelf or Shelf(), report, conversion):
        if not isinstance(event, (PartialImage, CompletedImage)):
            seen.append((type(event).__name__, b""))
        elif isinstance(event.source, ImageLink):
            seen.append((type(event).__name__, event.source.url))
        else:
            assert event.source.encoding == "base64"
            seen.append((type(event).__name__, b"".join([chunk async for chunk in event.source.chunks])))
    return seen


@pytest.mark.parametrize("source", [lambda: held(PNG), raw])
async def test_base64_for_whoever_asks_for_it(source: object) -> None:
    assert callable(source)
    shelf = Shelf()
    events: list[ImageEvent] = [Progress("x"), PartialImage(source()), CompletedImage(source()), Finished()]
    assert await delivered(events, "b64_json", shelf) == [
        ("Progress", b""),
        ("PartialImage", PNG),
        ("CompletedImage", PNG),
        ("Finished", b""),
    ]
    assert shelf.kept == []


@pytest.mark.parametrize("source", [lambda: held(PNG), raw])
async def test_urls_for_completed_pictures_and_base64_for_partial_ones(source: object) -> None:
    assert callable(source)
    shelf = Shelf()
    events: list[ImageEvent] = [PartialImage(source()), CompletedImage(source()), CompletedImage(source()), Finished()]
    assert await delivered(events, "url", shelf) == [
        ("PartialImage", PNG),
        ("CompletedImage", LINK),
        ("CompletedImage", LINK),
        ("Finished", b""),
    ]
    assert shelf.kept == [RAW, RAW]


async def test_base64_passes_untouched() -> None:
    event = CompletedImage(held(PNG))
    assert [seen async for seen in delivery(Source([event])(), "b64_json", Shelf())] == [event]


@pytest.mark.parametrize("form", ["b64_json", "url"])
async def test_what_is_said_of_a_picture_stays_with_it(form: Form) -> None:
    details = ImageDetails(size="1x1", revised_prompt="a better cat")
    (seen,) = [event async for event in delivery(Source([CompletedImage(raw(), details)])(), form, Shelf())]
    assert isinstance(seen, CompletedImage)
    assert seen.details is details, "a provider may complete them after the picture"


async def test_a_picture_is_encoded_while_it_arrives() -> None:
    taken: list[int] = []

    async def counted() -> AsyncIterator[bytes]:
        for number in range(3):
            taken.append(number)
            yield RAW[:30]

    (seen,) = [event async for event in delivery(Source([CompletedImage(ImageBytes(counted(), "raw"))])(), "b64_json", Shelf())]
    assert isinstance(seen, CompletedImage)
    assert isinstance(seen.source, ImageBytes)
    assert taken == []
    assert await anext(seen.source.chunks) == base64.b64encode(RAW[:30])
    assert taken == [0]


@pytest.mark.parametrize(
    ("source", "failure"),
    [
        (lambda: held(b"!!!! no base64 at all"), None),
        (lambda: held(PNG + b"===="), None),
        (lambda: held(PNG), ValueError("the first bytes are not those of a picture")),
        (raw, ValueError("the first bytes are not those of a picture")),
    ],
)
async def test_what_cannot_be_kept_as_a_picture_is_a_bad_response(source: object, failure: Exception | None) -> None:
    assert callable(source)
    with pytest.raises(BadResponse):
        await delivered([CompletedImage(source())], "url", Shelf(failure))


async def test_no_room_is_said_with_a_way_out() -> None:
    with pytest.raises(GatewayError) as caught:
        await delivered([CompletedImage(held(PNG))], "url", Shelf(OSError(28, "No space left on device: '/data/secret'")))
    assert caught.value.http_status == 503
    assert "b64_json" in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("form", ["b64_json", "url"])
async def test_a_picture_that_breaks_off_raises_what_the_provider_caused(form: Form) -> None:
    with pytest.raises(BadResponse, match="cut"):
        await delivered([CompletedImage(raw(RAW, BadResponse("cut")))], form)


async def test_failures_of_the_relay_are_passed_on() -> None:
    with pytest.raises(RateLimited):
        await delivered([Progress("x"), RateLimited("busy")], "url")


@pytest.mark.parametrize("form", ["b64_json", "url"])
async def test_leaving_closes_the_relay(form: Form) -> None:
    source = Source([CompletedImage(held(PNG)), Finished(Usage(1, 2, 3))])
    events = delivery(source(), form, Shelf())
    await anext(events)
    await events.aclose()
    assert source.closed


async def test_a_store_that_fails_closes_the_relay() -> None:
    source = Source([CompletedImage(held(PNG)), Finished()])
    with pytest.raises(GatewayError):
        await anext(delivery(source(), "url", Shelf(OSError("full"))))
    assert source.closed


def found(form: str) -> ImageDetails:
    return ImageDetails(found_format=form)


class TestFormats:
    @pytest.mark.parametrize("output", [None, Output("png"), Output("png", 5)])
    @pytest.mark.parametrize("form", ["b64_json", "url"])
    async def test_a_picture_that_has_the_format_is_not_touched(self, form: Form, output: Output | None) -> None:
        scribe, report = Scribe(), Report(output=output)
        event = CompletedImage(held(PNG), found("png"))
        seen = await delivered([event], form, None, report, Conversion(scribe, Counted()))
        assert seen == [("CompletedImage", PNG if form == "b64_json" else LINK)]
        assert (scribe.jobs, report.mapped) == ([], {})

    async def test_not_even_the_object(self) -> None:
        event = CompletedImage(held(PNG), found("webp"))
        events = delivery(Source([event])(), "b64_json", Shelf(), Report(output=Output("webp")))
        assert [seen async for seen in events] == [event]

    @pytest.mark.parametrize("source", [lambda: held(PNG), raw])
    async def test_another_is_made_what_was_asked_for(self, source: object) -> None:
        assert callable(source)
        output, scribe, spools = Output("webp", 7), Scribe(), Counted()
        report = Report(mapped={"size": "1->2", "output_format": "*->webp"}, output=output)
        details = [found("png"), found("jpeg")]
        events: list[ImageEvent] = [Progress("x"), PartialImage(source(), details[0]), CompletedImage(source(), details[1])]
        seen = await delivered([*events, Finished()], "b64_json", None, report, Conversion(scribe, spools))
        made = base64.b64encode(b"webp of " + RAW)
        assert seen == [("Progress", b""), ("PartialImage", made), ("CompletedImage", made), ("Finished", b"")]
        assert scribe.jobs == [output, output]
        assert [item.found_format for item in details] == ["webp", "webp"]
        assert report.mapped == {"size": "1->2", "output_format": "jpeg->webp"}
        assert spools.budget.reserved == 0

    async def test_urls_are_of_the_converted_picture(self) -> None:
        shelf, spools = Shelf(), Counted()
        events: list[ImageEvent] = [PartialImage(raw(), found("png")), CompletedImage(raw(), found("png"))]
        report, conversion = Report(output=Output("jpeg")), Conversion(Scribe(), spools)
        seen = await delivered(events, "url", shelf, report, conversion)
        assert seen == [("PartialImage", base64.b64encode(b"jpeg of " + RAW)), ("CompletedImage", LINK)]
        assert shelf.kept == [b"jpeg of " + RAW]
        assert spools.budget.reserved == 0

    async def test_a_compression_that_the_provider_does_not_have_is_ours_to_keep(self) -> None:
        scribe, report = Scribe(), Report(output=Output("jpeg", 30, anew=True))
        await delivered([CompletedImage(raw(), found("jpeg"))], "b64_json", None, report, Conversion(scribe, Counted()))
        assert scribe.jobs == [Output("jpeg", 30, anew=True)]
        assert report.mapped == {}, "the format is what it was"

    async def test_the_conversion_is_over_when_the_picture_is_promised(self) -> None:
        """So that its failure has a status of its own, and a stream's heartbeat goes on meanwhile."""
        scribe = Scribe(BadResponse("The provider's picture cannot be read."))
        source = Source([CompletedImage(raw(), found("png"))])
        events = delivery(source(), "b64_json", Shelf(), Report(output=Output("jpeg")), Conversion(scribe, Counted()))
        with pytest.raises(BadResponse, match="cannot be read"):
            await anext(events)
        assert source.closed

    async def test_leaving_frees_what_was_collected(self) -> None:
        spools = Counted()
        source = Source([CompletedImage(raw(), found("png")), Finished()])
        events = delivery(source(), "b64_json", Shelf(), Report(output=Output("jpeg")), Conversion(Scribe(), spools))
        await anext(events)
        assert spools.budget.reserved > 0
        await events.aclose()
        assert source.closed and spools.budget.reserved == 0
