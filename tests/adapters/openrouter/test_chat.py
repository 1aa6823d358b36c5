"""Answers of chat, in pieces of any size."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import orjson
import pytest

from imagegate.adapters._openrouter import chat
from imagegate.domain.events import CompletedImage, Finished, ImageBytes, Usage
from imagegate.errors import BadResponse, ContentRefused, GatewayError, Unavailable
from imagegate.upstream.client import Answer
from tests.support import pictures

PNG = pictures.png()
URL = pictures.data_url(PNG)


def on_error(document: Mapping[str, Any]) -> GatewayError:
    return Unavailable(str(document["error"]))


def answer_of(body: bytes, step: int) -> Answer:
    async def content() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    return Answer(httpx2.Response(200, content=content()), 5.0, asyncio.get_running_loop().time() + 5.0)


async def read(document: Any, step: int = 65_536) -> tuple[list[bytes], Finished]:
    """The pictures and the end."""
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    made: list[bytes] = []
    async for event in chat.events(answer_of(body, step), on_error):
        if isinstance(event, CompletedImage):
            assert isinstance(event.source, ImageBytes)
            made.append(base64.b64decode(b"".join([chunk async for chunk in event.source.chunks]), validate=True))
        else:
            assert isinstance(event, Finished)
            return made, event
    raise AssertionError("no end")


def message(*urls: str, **more: Any) -> dict[str, Any]:
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"choices": [{"message": {"content": "Here.", "images": images}, "finish_reason": "stop"}], **more}


@pytest.mark.parametrize("step", [1, 7, 64, 65_536])
async def test_a_picture_comes_whole_in_pieces_of_any_size(step: int) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "cost": 0.1}
    made, end = await read(message(URL, created=7, usage=usage), step)
    assert made == [PNG]
    assert end == Finished(Usage(3, 4, 7, extra={"cost": 0.1}), created=7)


@pytest.mark.parametrize("step", [1, 65_536])
async def test_urls_of_other_kinds_are_passed_by(step: int) -> None:
    cited = [{"type": "url_citation", "url_citation": {"url": f"https://example.test/{'x' * 600}"}}]
    document = message("", "https://cdn.test/a.png", "data:text/html;base64,AAAA", URL)
    document["choices"][0]["message"] = {"annotations": cited, **document["choices"][0]["message"]}
    made, _ = await read(document, step)
    assert made == [PNG]


async def test_only_the_first_picture_is_taken() -> None:
    made, _ = await read(message(URL, pictures.data_url(pictures.jpeg(), "image/jpeg")))
    assert made == [PNG]


@pytest.mark.parametrize(
    ("url", "output_format"),
    [
        (URL, "png"),
        (pictures.data_url(PNG, "image/svg+xml"), "svg+xml"),
        (pictures.data_url(PNG, "IMAGE/JPEG"), "jpeg"),
        (pictures.data_url(PNG, "image/png;charset=utf-8"), "png"),
    ],
)
async def test_heads_of_data_urls(url: str, output_format: str) -> None:
    events = chat.events(answer_of(orjson.dumps(message(url)), 9), on_error)
    first = await anext(events)
    assert isinstance(first, CompletedImage) and isinstance(first.source, ImageBytes)
    assert first.details.output_format == output_format
    assert base64.b64decode(b"".join([chunk async for chunk in first.source.chunks])) == PNG
    await events.aclose()


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({}, BadResponse),
        ([], BadResponse),
        (None, BadResponse),
        (b"", BadResponse),
        (b"<html>", BadResponse),
        (b'{"choices":[', BadResponse),
        ({"choices": None}, BadResponse),
        ({"choices": [None, {"message": None}]}, BadResponse),
        ({"choices": [{"message": {"images": None}, "finish_reason": {}}]}, BadResponse),
        (message(), BadResponse),
        (message("https://cdn.test/a.png"), BadResponse),
        ({"error": {"code": 500}}, Unavailable),
        ({"choices": [{"error": {"code": 500}}]}, Unavailable),
        ({"choices": [{"finish_reason": "content_filter"}]}, ContentRefused),
        ({"choices": [{"finish_reason": "stop", "native_finish_reason": "IMAGE_SAFETY"}]}, ContentRefused),
    ],
)
async def test_answers_without_a_picture(document: Any, kind: type[GatewayError]) -> None:
    with pytest.raises(kind):
        await read(document)


async def test_a_text_that_ends_inside_the_picture() -> None:
    body = orjson.dumps(message(URL))
    with pytest.raises(BadResponse):
        await read(body[: body.index(b"base64,") + 40])
