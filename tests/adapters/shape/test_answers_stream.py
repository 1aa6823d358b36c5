"""OpenAI's event streams as events, and streams that fail."""

from __future__ import annotations

import pytest

from imagegate.errors import BadResponse, ContentRefused, RateLimited
from tests.adapters.shape.reading import READ, USAGE, frame, read_json, read_stream


async def test_partials_and_the_picture_of_a_stream() -> None:
    common = {"created_at": 5, "size": "1024x1024", "quality": "high", "background": "opaque", "output_format": "png"}
    seen = await read_stream(
        frame(
            "image_generation.partial_image",
            type="image_generation.partial_image",
            b64_json="QUFB",
            partial_image_index=0,
            **common,
        ),
        ": keep-alive\n\n",
        frame(
            "image_generation.partial_image",
            type="image_generation.partial_image",
            b64_json="QkJC",
            partial_image_index=1,
            **common,
        ),
        frame("image_generation.completed", type="image_generation.completed", b64_json="Q0ND", usage=USAGE, seed=7, **common),
    )
    assert seen.contents == [("partial", "QUFB"), ("partial", "QkJC"), ("completed", "Q0ND")]
    assert [details.partial_index for _, _, details in seen.pictures] == [0, 1, None]
    last = seen.pictures[-1][2]
    assert (last.size, last.quality, last.background, last.output_format, last.created) == (
        "1024x1024",
        "high",
        "opaque",
        "png",
        5,
    )
    assert last.usage == READ
    assert last.extra == {"seed": 7}


@pytest.mark.parametrize("operation", ["image_generation", "image_edit"])
@pytest.mark.parametrize("name", ["{0}.completed", None, "message"])
async def test_the_kind_is_known_by_the_type_when_the_event_line_does_not_tell(operation: str, name: str | None) -> None:
    seen = await read_stream(
        frame(
            name and name.replace("completed", "partial_image").format(operation),
            type=f"{operation}.partial_image",
            b64_json="QUFB",
        ),
        frame(name and name.format(operation), type=f"{operation}.completed", b64_json="QUJD"),
    )
    assert seen.contents == [("partial", "QUFB"), ("completed", "QUJD")]


async def test_the_event_line_tells_where_the_type_comes_after_the_picture() -> None:
    seen = await read_stream(
        frame("image_edit.partial_image", b64_json="QUFB", type="image_edit.partial_image"),
        frame("image_edit.completed", b64_json="QUJD", type="image_edit.completed"),
    )
    assert seen.contents == [("partial", "QUFB"), ("completed", "QUJD")]


@pytest.mark.parametrize("end", ["data: [DONE]\n\n", "data: [DONE]", "event: done\ndata: [DONE]\n\n", "event: keepalive\n\n", ""])
async def test_whatever_follows_the_picture(end: str) -> None:
    assert (await read_stream(frame("image_generation.completed", b64_json="QUJD"), end)).contents == [("completed", "QUJD")]


async def test_several_pictures_and_one_without_usage() -> None:
    seen = await read_stream(
        frame("image_generation.completed", b64_json="QUJD", usage=USAGE), frame("image_generation.completed", b64_json="REVG")
    )
    assert [details.usage for _, _, details in seen.pictures] == [READ, None]


async def test_a_url_in_a_stream() -> None:
    seen = await read_stream(frame("image_generation.completed", b64_json="", url="https://x.test/1", seed=1))
    assert seen.contents == [("completed", "https://x.test/1")]
    assert seen.pictures[0][2].extra == {"seed": 1}


async def test_json_instead_of_the_stream_that_was_asked_for() -> None:
    assert (await read_json({"data": [{"b64_json": "QUJD"}]})).contents == [("completed", "QUJD")]


@pytest.mark.parametrize("name", ["error", None, "image_generation.completed"])
@pytest.mark.parametrize(
    ("error", "expected"),
    [({"code": "moderation_blocked"}, ContentRefused), ({"message": "x"}, BadResponse), ("boom", BadResponse)],
)
async def test_an_error_frame_in_the_middle(name: str | None, error: object, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        await read_stream(
            frame("image_generation.partial_image", b64_json="QUFB"),
            frame(name, type="error", error=error),
            frame("image_generation.completed", b64_json="QUJD"),
        )


async def test_an_error_inside_the_frame_of_a_picture() -> None:
    with pytest.raises(RateLimited):
        await read_stream(frame("image_generation.completed", b64_json="QUJD", error={"code": "rate_limit_exceeded"}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ": only a comment\n\n",
        "data: [DONE]\n\n",
        "<html></html>",
        "data: <html>\n\n",
        'data: {"type":"image_generation.completed"}\n\n',
        'data: {"type":"image_generation.completed","b64_json":null}\n\n',
        'data: {"type":"image_generation.completed","b64_json":""}\n\n',
        'event: image_generation.partial_image\ndata: {"b64_json":"QUJD"}\n\n',
        'event: image_generation.completed\ndata: {"b64_json":"QUJD',
        'event: image_generation.completed\ndata: {"b64_json":"QUJD\n\n',
        'event: image_generation.completed\ndata: {"b64_json":"QUJD"\n\n',
        'event: image_generation.completed\ndata: {"b64_json":"QUJD"',
        "data: 3\n\n",
        "x" * 100_000,
    ],
)
async def test_a_stream_without_a_whole_picture_is_a_bad_response(text: str) -> None:
    with pytest.raises(BadResponse):
        await read_stream(text)
