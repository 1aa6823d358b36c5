"""Groups of pictures of which some failed, and streams in another dialect's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagegate.adapters.shape.answers import StreamWords, events
from imagegate.adapters.shape.failures import openai_error_inside
from imagegate.domain.events import CompletedImage, Finished, ImageBytes, ImageEvent, ImageLink
from imagegate.errors import ContentRefused, RateLimited
from tests.adapters.shape.reading import JSON, SSE, answer, frame

WORDS = StreamWords(completed=".one_done", failed=".one_failed", finished=".completed")
BLOCKED = {"code": "moderation_blocked", "message": "No such pictures."}
RATE = {"code": "rate_limit_exceeded", "message": "Too many."}


async def read(text: str, content_type: str, words: StreamWords = WORDS) -> tuple[list[str], Finished]:
    """Contents and the end."""
    contents: list[str] = []
    last: ImageEvent | None = None
    async for event in events(answer([text.encode()], content_type), openai_error_inside, words):
        last = event
        if isinstance(event, CompletedImage):
            contents.append(await content(event))
    assert isinstance(last, Finished)
    return contents, last


async def content(event: CompletedImage) -> str:
    if isinstance(event.source, ImageLink):
        return event.source.url
    assert isinstance(event.source, ImageBytes)
    return b"".join([chunk async for chunk in event.source.chunks]).decode()


def stream(*items: tuple[str, dict[str, Any]]) -> str:
    return "".join(frame(name, type=name, **fields) for name, fields in items)


async def test_items_with_an_error_are_told_at_the_end() -> None:
    document = {"created": 5, "data": [{"b64_json": "QUFB"}, {"error": BLOCKED}, {"b64_json": "QkJC", "error": None}], "x": 1}
    contents, end = await read(json.dumps(document), JSON)
    assert contents == ["QUFB", "QkJC"]
    assert end.extra == {"x": 1, "failed": [BLOCKED]}


@pytest.mark.parametrize(("error", "kind"), [(BLOCKED, ContentRefused), (RATE, RateLimited)])
async def test_when_every_item_failed_the_first_error_is_raised(error: dict[str, str], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await read(json.dumps({"data": [{"error": error}, {"error": BLOCKED}]}), JSON)
    with pytest.raises(kind):
        await read(stream(("a.one_failed", {"error": error}), ("a.completed", {})), SSE)


async def test_a_stream_in_other_words() -> None:
    text = stream(
        ("a.one_done", {"b64_json": "QUFB", "created": 4}),
        ("a.one_failed", {"image_index": 1, "error": BLOCKED}),
        ("a.one_done", {"url": "https://x.test/1.png"}),
        ("a.completed", {"created": 5, "usage": {"total_tokens": 7}, "model": "m"}),
    )
    contents, end = await read(f"{text}data: [DONE]\n\n", SSE)
    assert contents == ["QUFB", "https://x.test/1.png"]
    assert end.usage is not None and end.usage.total_tokens == 7
    assert (end.created, end.extra["model"], len(end.extra["failed"])) == (5, "m", 1)


async def test_an_error_that_is_not_of_one_picture_ends_the_stream() -> None:
    text = stream(("a.one_done", {"b64_json": "QUFB"})) + f"data: {json.dumps({'error': RATE})}\n\n"
    with pytest.raises(RateLimited):
        await read(text, SSE)
    with pytest.raises(ContentRefused):
        await read(stream(("a.one_failed", {"error": BLOCKED})), SSE, StreamWords())
