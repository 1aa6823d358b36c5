"""OpenAI's JSON answers as events, everything that is none, and the small fields of both shapes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.adapters.shape.answers import events, read_details, read_usage
from imagegate.adapters.shape.failures import openai_error_inside
from imagegate.domain.events import CompletedImage, ImageBytes, ImageDetails, Usage
from imagegate.errors import AuthFailed, BadResponse, ContentRefused, GatewayError, InvalidRequest, RateLimited
from imagegate.upstream.client import Answer
from tests.adapters.shape.reading import JSON, READ, USAGE, answer, read, read_json


async def test_pictures_details_usage_and_unknown_fields_of_a_whole_answer() -> None:
    seen = await read_json(
        {
            "created": 1713833628,
            "background": "opaque",
            "output_format": "png",
            "quality": "high",
            "size": "1024x1024",
            "safety_identifier": "u1",
            "svg_usage": {"total_tokens": 3},
            "data": [
                {
                    "b64_json": "QUJD",
                    "revised_prompt": "a {cat}",
                    "seed": 7,
                    "content_filter_results": {"hate": {"filtered": False}},
                },
                {"b64_json": "REVG"},
            ],
            "usage": USAGE,
        }
    )
    assert seen.contents == [("completed", "QUJD"), ("completed", "REVG")]
    first, second = (details for _, _, details in seen.pictures)
    assert first.revised_prompt == "a {cat}"
    assert first.extra == {"seed": 7, "content_filter_results": {"hate": {"filtered": False}}}
    assert second == ImageDetails()
    assert seen.finished is not None
    assert (seen.finished.created, seen.finished.usage) == (1713833628, READ)
    assert seen.finished.extra == {"safety_identifier": "u1", "svg_usage": {"total_tokens": 3}}
    told = seen.finished.details
    assert (told.size, told.quality, told.background, told.output_format) == ("1024x1024", "high", "opaque", "png")


async def test_details_before_and_after_the_picture_are_both_read() -> None:
    seen = await read(b'{"data":[{"seed":1,"b64_json":"QUJD","revised_prompt":"x"}],"created":5}')
    (_, _, details) = seen.pictures[0]
    assert (details.revised_prompt, details.extra) == ("x", {"seed": 1})


@given(st.lists(st.integers(0, 10_000), max_size=8))
@settings(deadline=None, max_examples=60)
async def test_any_split_of_the_body_gives_the_same(cuts: list[int]) -> None:
    body = json.dumps({"data": [{"b64_json": "QUJD" * 9, "x": "ü"}, {"url": "https://x.test/1"}], "usage": USAGE}).encode()
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    seen = await read([body[start:end] for start, end in pairwise(edges)])
    assert seen.contents == [("completed", "QUJD" * 9), ("completed", "https://x.test/1")]
    assert seen.finished is not None
    assert seen.finished.usage == READ


@pytest.mark.parametrize(
    "item",
    [
        {"url": "https://x.test/1.png"},
        {"url": "https://x.test/1.png", "b64_json": None},
        {"url": "https://x.test/1.png", "b64_json": ""},
        {"b64_json": "", "url": "https://x.test/1.png", "revised_prompt": ""},
    ],
)
async def test_a_url_is_taken_where_there_is_no_base64(item: dict[str, Any]) -> None:
    """Servers written in Go send the empty one of the two as an empty string."""
    seen = await read_json({"data": [item]})
    assert seen.contents == [("completed", "https://x.test/1.png")]


async def test_base64_is_taken_where_there_are_both() -> None:
    both = {"b64_json": "QUJD", "url": "https://x.test/1.png"}
    assert (await read_json({"data": [both]})).contents == [("completed", "QUJD")]
    mixed = await read_json({"data": [both, {"b64_json": "", "url": "https://x.test/2.png"}, {"url": "", "b64_json": "REVG"}]})
    assert sorted(mixed.contents) == [("completed", "QUJD"), ("completed", "REVG"), ("completed", "https://x.test/2.png")]


async def test_details_of_a_url_item_are_kept() -> None:
    seen = await read_json({"data": [{"url": "https://x.test/1", "revised_prompt": "y", "seed": 3, "nothing": None}], "id": "r1"})
    (_, _, details) = seen.pictures[0]
    assert (details.revised_prompt, details.extra) == ("y", {"seed": 3})
    assert seen.finished is not None
    assert seen.finished.extra == {"id": "r1"}


async def test_a_picture_outside_the_usual_list_is_a_picture() -> None:
    assert (await read(b'{"data":{"b64_json":"QUJD"}}')).contents == [("completed", "QUJD")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Bad gateway</body></html>",
        b"\xef\xbb\xbf{}",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"data":[]}',
        b'{"data":null}',
        b'{"data":"x"}',
        b'{"data":[{}]}',
        b'{"data":[null,3]}',
        b'{"data":[{"b64_json":null}]}',
        b'{"data":[{"b64_json":""}]}',
        b'{"data":[{"b64_json":7}]}',
        b'{"data":[{"url":""}]}',
        b'{"data":[{"b64_json":"QUJD"',
        b'{"data":[{"b64_json":"QUJD"}]',
        b'{"data":[{"b64_json":"QUJD"}]}}',
        b'{"data":[{"b64_json":"QU\nJD"}]}',
        b'{"data":[{"b64_json":"QU\\u0022JD"}]}',
        b'{"data":[{"b64_json":"QUJD","x":nope}]}',
        b'{"a":"' + b"x" * 1_100_000,
    ],
)
async def test_a_success_that_is_no_picture_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(BadResponse):
        await read(body)


@pytest.mark.parametrize(
    "body", [b'{"data":[{"b64_json":"QUJD', b'{"data":[{"b64_json":"QUJD"', b'{"data":[{"b64_json":"QUJD","a":']
)
async def test_a_picture_whose_answer_ends_early_never_looks_whole(body: bytes) -> None:
    source = events(answer([body]), openai_error_inside)
    event = await anext(source)
    assert isinstance(event, CompletedImage)
    assert isinstance(event.source, ImageBytes)
    with pytest.raises(BadResponse):
        async for _ in event.source.chunks:
            pass
    await source.aclose()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": "moderation_blocked", "message": "no"}, ContentRefused),
        ({"code": "rate_limit_exceeded"}, RateLimited),
        ({"code": "insufficient_quota"}, AuthFailed),
        ({"type": "invalid_request_error", "message": "bad size", "param": "size"}, InvalidRequest),
        ({"message": "boom"}, BadResponse),
        ("boom", BadResponse),
    ],
)
async def test_an_error_inside_a_200(error: object, expected: type[Exception]) -> None:
    for document in ({"error": error}, {"created": 1, "data": [], "error": error}, {"data": None, "error": error}):
        with pytest.raises(expected):
            await read_json(document)


async def test_an_error_beside_a_picture_is_told_after_it() -> None:
    source = events(
        answer([json.dumps({"data": [{"b64_json": "QUJD"}], "error": {"message": "x"}}).encode()]), openai_error_inside
    )
    event = await anext(source)
    assert isinstance(event, CompletedImage)
    assert isinstance(event.source, ImageBytes)
    assert [chunk async for chunk in event.source.chunks] == [b"QUJD"]
    with pytest.raises(BadResponse):
        await anext(source)


@pytest.mark.parametrize("nothing", [None, False, {}, ""])
async def test_an_empty_error_is_none(nothing: object) -> None:
    assert (await read_json({"error": nothing, "data": [{"b64_json": "QUJD"}]})).contents == [("completed", "QUJD")]


async def test_a_picture_that_nobody_drains_does_not_stop_the_next() -> None:
    source = events(answer([json.dumps({"data": [{"b64_json": "QUJD"}, {"b64_json": "REVG"}]}).encode()]), openai_error_inside)
    assert [type(event).__name__ async for event in source] == ["CompletedImage", "CompletedImage", "Finished"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"created": 5, "partial_image_index": 2}, ImageDetails(created=5, partial_index=2)),
        ({"created_at": 5.9}, ImageDetails(created=5)),
        ({"created": "1713833628", "partial_image_index": "2"}, ImageDetails(created=1713833628, partial_index=2)),
        ({"created": "yesterday", "partial_image_index": "last"}, ImageDetails()),
        ({"created": True, "partial_image_index": {}}, ImageDetails()),
        ({"created": 1e300}, ImageDetails()),
        ({"partial_image_index": -1}, ImageDetails()),
        ({"size": {"width": 1}, "quality": 3, "revised_prompt": []}, ImageDetails()),
        ({"size": "1x1", "background": None, "url": "u", "b64_json": "", "type": "t", "data": []}, ImageDetails(size="1x1")),
        ({"x": {"y": [1]}, "z": None, "error": 1}, ImageDetails(extra={"x": {"y": [1]}})),
    ],
)
def test_details(fields: dict[str, Any], expected: ImageDetails) -> None:
    assert read_details(fields) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (USAGE, READ),
        (None, None),
        ("many", None),
        ([], None),
        ({}, Usage()),
        ({"input_tokens": 3, "output_tokens": 4}, Usage(3, 4, 7)),
        ({"input_tokens": 3.0, "output_tokens": "4", "total_tokens": None}, Usage(3, 0, 3)),
        ({"input_tokens": -3, "input_tokens_details": "x", "output_tokens_details": None}, Usage()),
        ({"input_tokens": True, "output_tokens": 1e300}, Usage()),
        ({"total_tokens": 2, "cost": 0.1, "cached": {"x": 1}}, Usage(total_tokens=2, extra={"cost": 0.1, "cached": {"x": 1}})),
        ({"output_tokens_details": {"image_tokens": 5}}, Usage(output_image_tokens=5)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 1290,
                "prompt_tokens_details": {"text_tokens": 9, "cached_tokens": 0},
                "completion_tokens_details": {"image_tokens": 1290},
                "cost": 0.039,
            },
            Usage(9, 1290, 1299, input_text_tokens=9, output_image_tokens=1290, extra={"cost": 0.039}),
        ),
        ({"prompt_tokens": 9, "input_tokens": 8, "completion_tokens": 1}, Usage(8, 1, 9)),
    ],
)
def test_usage(value: object, expected: Usage | None) -> None:
    assert read_usage(value) == expected


async def test_closing_the_events_closes_the_answer() -> None:
    closed = False

    async def content() -> AsyncIterator[bytes]:
        nonlocal closed
        try:
            yield b'{"data":[{"b64_json":"QUJD'
            await asyncio.sleep(60)
        finally:
            closed = True

    response = httpx2.Response(200, headers={"content-type": JSON}, content=content())
    source = events(Answer(response, 5.0, asyncio.get_running_loop().time() + 5.0), openai_error_inside)
    event = await anext(source)
    assert isinstance(event, CompletedImage)
    assert isinstance(event.source, ImageBytes)
    assert await anext(event.source.chunks) == b"QUJD"
    await source.aclose()
    assert closed


async def test_an_empty_answer_may_say_elsewhere_why() -> None:
    def moderated(document: Mapping[str, Any]) -> GatewayError:
        return ContentRefused(f"{len(document['data'])} refused.")

    with pytest.raises(ContentRefused, match="1 refused"):
        async for _ in events(answer([b'{"data":[{"b64_json":""}]}']), openai_error_inside, on_empty=moderated):
            pass
