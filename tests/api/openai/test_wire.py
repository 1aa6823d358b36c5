"""The JSON answer, and strings that would like to be frames."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.api.openai.wire import comment
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
from imagegate.errors import BadResponse
from tests.api.openai.wiring import (
    HOSTILE,
    TOLD,
    USAGE,
    USAGE_OBJECT,
    ZERO_USAGE,
    arriving,
    decoded,
    frames,
    hostile_details,
    stream,
    wire,
    written,
)


async def test_a_picture_with_everything_that_was_said_about_it() -> None:
    details = ImageDetails(revised_prompt="a {cat}", extra={"seed": 7})
    end = Finished(usage=USAGE, created=9, details=TOLD, extra={"safety_identifier": "u", "id": "r"})
    assert await written([CompletedImage(held(b"QUJD"), details), end]) == {
        "created": 9,
        "size": "1024x1536",
        "quality": "high",
        "background": "transparent",
        "output_format": "webp",
        "safety_identifier": "u",
        "id": "r",
        "data": [{"b64_json": "QUJD", "revised_prompt": "a {cat}", "seed": 7}],
        "usage": USAGE_OBJECT,
    }


async def test_a_picture_about_which_nothing_was_said() -> None:
    assert await written([CompletedImage(held(b"QUJD"))]) == {"created": 5, "data": [{"b64_json": "QUJD"}]}


async def test_several_pictures_in_order_and_a_url_among_them() -> None:
    document = await written(
        [
            Progress("one"),
            PartialImage(held(b"QUFB")),
            CompletedImage(arriving(b"QU", b"", b"JD")),
            Progress("two"),
            CompletedImage(ImageLink('https://x.test/1?a="b"'), ImageDetails(extra={"k": [1]})),
            CompletedImage(arriving()),
            Finished(),
        ]
    )
    assert document["data"] == [{"b64_json": "QUJD"}, {"url": 'https://x.test/1?a="b"', "k": [1]}, {"b64_json": ""}]


async def test_details_may_be_filled_while_the_picture_is_read() -> None:
    details = ImageDetails()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"QUJD"
        details.revised_prompt, details.size = "late", "2x2"

    document = await written([CompletedImage(ImageBytes(pieces()), details)])
    assert document["data"] == [{"b64_json": "QUJD", "revised_prompt": "late"}]
    assert document["size"] == "2x2"


async def test_pieces_of_a_picture_are_handed_on_as_they_are() -> None:
    first, second = b"A" * 40_000, b"B" * 40_000
    for source in (wire().json, wire().frames):
        pieces = [piece async for piece in source(stream([CompletedImage(arriving(first, second))]))]
        assert any(piece is second for piece in pieces)
        assert any(piece.endswith(first) and len(piece) < len(first) + 100 for piece in pieces)


@pytest.mark.parametrize(
    ("usages", "end", "expected"),
    [
        ([], None, None),
        ([USAGE], None, USAGE_OBJECT),
        ([None], USAGE, USAGE_OBJECT),
        ([USAGE, USAGE], USAGE, USAGE_OBJECT),
        ([USAGE, None], None, USAGE_OBJECT),
        ([Usage(1, 2, 3), Usage(4, 5, 9)], None, {**ZERO_USAGE, "input_tokens": 5, "output_tokens": 7, "total_tokens": 12}),
        (
            [Usage(output_text_tokens=1), Usage(output_image_tokens=2)],
            None,
            {**ZERO_USAGE, "output_tokens_details": {"text_tokens": 1, "image_tokens": 2}},
        ),
        ([Usage(extra={"cost": 0.5})], None, {**ZERO_USAGE, "cost": 0.5}),
        ([Usage(extra={"total_tokens": "many"})], None, ZERO_USAGE),
    ],
)
async def test_usage_is_the_whole_answers_or_the_sum(
    usages: list[Usage | None], end: Usage | None, expected: dict[str, Any] | None
) -> None:
    events: list[ImageEvent] = [CompletedImage(held(b"QUJD"), ImageDetails(usage=usage)) for usage in usages or [None]]
    assert (await written([*events, Finished(usage=end)])).get("usage") == expected


@pytest.mark.parametrize(
    ("said", "asked", "expected"),
    [
        ({}, {}, {}),
        ({}, {"size": "auto", "quality": "auto", "background": "auto"}, {}),
        (
            {},
            {"size": "1x2", "quality": "low", "background": "opaque", "output_format": "gif"},
            {"background": "opaque", "output_format": "gif"},
        ),
        ({"size": "3x4", "quality": "max"}, {"size": "1x2", "quality": "low"}, {"size": "3x4", "quality": "max"}),
        ({"size": "2K", "quality": "ultra", "background": "auto", "output_format": "bmp"}, {}, {}),
        ({"size": "max"}, {}, {}),
        ({"size": "xl"}, {}, {}),
        ({"size": "auto", "quality": "ultra"}, {"size": "1x2", "quality": "low"}, {}),
    ],
)
async def test_only_values_that_strict_clients_know_are_echoed(
    said: dict[str, Any], asked: dict[str, str], expected: dict[str, str]
) -> None:
    for event in (Finished(details=ImageDetails(**said)), Finished()):
        own = ImageDetails(**said) if event.details == ImageDetails() else ImageDetails()
        document = await written([CompletedImage(held(b"QUJD"), own), event], **asked)
        assert {name: value for name, value in document.items() if name not in {"created", "data"}} == expected


@pytest.mark.parametrize(("found", "told"), [("jpeg", "jpeg"), ("avif", None)])
async def test_what_a_picture_is_wins_over_what_is_said_of_it(found: str, told: str | None) -> None:
    own, whole = ImageDetails(output_format="png", found_format=found), ImageDetails(output_format="webp")
    document = await written([CompletedImage(held(b"QUJD"), own), Finished(details=whole)], output_format="gif")
    assert document.get("output_format") == told


@pytest.mark.parametrize(("own", "whole", "expected"), [(7, 9, 9), (7, None, 7), (None, None, 5)])
async def test_the_time_is_the_providers_if_he_told_it(own: int | None, whole: int | None, expected: int) -> None:
    document = await written([CompletedImage(held(b"QQ"), ImageDetails(created=own)), Finished(created=whole)])
    assert document["created"] == expected


async def test_unknown_fields_never_replace_ours() -> None:
    extra = {"created": 0, "data": [], "usage": 0, "size": {}, "own": 1}
    document = await written(
        [CompletedImage(held(b"QQ"), ImageDetails(extra={"b64_json": "no", "x": 1})), Finished(USAGE, extra=extra)]
    )
    assert document == {"created": 5, "data": [{"b64_json": "QQ", "x": 1}], "usage": USAGE_OBJECT, "own": 1}


async def test_a_stream_never_tells_a_size_or_quality_that_was_only_asked_for() -> None:
    events: list[ImageEvent] = [PartialImage(held(b"QUFB")), CompletedImage(held(b"QUJD"), ImageDetails(usage=USAGE))]
    for event in decoded(await frames(events, size="1024x1024", quality="high")):
        assert (event.json()["size"], event.json()["quality"]) == ("auto", "auto")


async def test_a_failure_leaves_a_json_answer_visibly_unfinished() -> None:
    body = b""
    with pytest.raises(BadResponse):
        async for piece in wire().json(stream([CompletedImage(arriving(b"QUJD", BadResponse("cut")))])):
            body += piece
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


async def test_hostile_strings_make_no_event() -> None:
    events: list[ImageEvent] = [
        Progress(HOSTILE),
        PartialImage(held(b"QUFB"), hostile_details()),
        CompletedImage(ImageLink(HOSTILE), hostile_details()),
        CompletedImage(held(b"QUJD"), hostile_details()),
        Finished(extra={HOSTILE: HOSTILE}),
    ]
    text = await frames(events, size=HOSTILE, quality=HOSTILE)
    found = decoded(text)
    assert [event.event for event in found] == ["image_generation.partial_image", *["image_generation.completed"] * 2]
    assert [event.json()["revised_prompt"] for event in found] == [HOSTILE] * 3
    assert b"\r" not in text
    assert len(text.split(b"\n\n")) == 5
    document = await written(events, size=HOSTILE, quality=HOSTILE)
    assert document[HOSTILE] == HOSTILE


@given(st.text())
@settings(deadline=None, max_examples=100)
def test_a_comment_is_one_short_line(note: str) -> None:
    text = comment(note)
    assert text.startswith(b": ")
    assert text.endswith(b"\n\n")
    assert len(text.decode().splitlines()) == 2
    assert len(text.decode()) <= 204
    assert decoded(text) == []
