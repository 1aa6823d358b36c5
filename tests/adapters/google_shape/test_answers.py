"""``generateContent`` answers in pieces of any size, and what is held of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.adapters.google_shape.answers import events
from imagegate.domain.events import CompletedImage, Finished, ImageBytes, ImageDetails, PartialImage
from imagegate.errors import BadResponse, ContentRefused, Unavailable
from tests.adapters.shape.reading import JSON, SSE, answer

Picture = tuple[str, str, ImageDetails]


def image(text: str, **part: Any) -> dict[str, Any]:
    """An image part."""
    return {"inlineData": {"mimeType": "image/png", "data": text}, **part}


def response(*parts: Any, **candidate: Any) -> dict[str, Any]:
    """An answer with one candidate."""
    return {"candidates": [{"content": {"parts": list(parts)}, **candidate}]}


def sse(*documents: Any) -> bytes:
    """A stream of such answers."""
    return b"".join(b"data: " + json.dumps(document).encode() + b"\r\n\r\n" for document in documents)


async def read(pieces: Sequence[bytes] | bytes, kind: str = JSON, previews: int = 0) -> tuple[list[Picture], list[Finished]]:
    """All events, every picture drained."""
    pictures: list[Picture] = []
    finished: list[Finished] = []
    async for event in events(answer([pieces] if isinstance(pieces, bytes) else pieces, kind), previews):
        if isinstance(event, (PartialImage, CompletedImage)):
            assert isinstance(event.source, ImageBytes)
            text = b"".join([chunk async for chunk in event.source.chunks]).decode()
            pictures.append((type(event).__name__, text, event.details))
        else:
            assert isinstance(event, Finished)
            finished.append(event)
    return pictures, finished


def contents(pictures: list[Picture]) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text, _ in pictures]


async def read_json(document: Any, previews: int = 0) -> list[tuple[str, str]]:
    return contents((await read(json.dumps(document).encode(), previews=previews))[0])


THOUGHT = {"thought": True}
CASES: list[tuple[list[dict[str, Any]], str]] = [
    ([image("aaaa")], "aaaa"),
    ([{"text": "x"}, image("aaaa"), {"text": "y"}], "aaaa"),
    ([image("aaaa"), image("bbbb"), image("cccc")], "cccc"),
    ([image("aaaa", **THOUGHT), image("bbbb")], "bbbb"),
    ([image("bbbb"), image("aaaa", **THOUGHT)], "bbbb"),
    ([image("bbbb"), image("aaaa", **THOUGHT), image("aaab", **THOUGHT)], "bbbb"),
    ([image("bbbb"), {"text": '"thought": true'}, image("cccc")], "cccc"),
    ([{"text": "t", **THOUGHT}, image("aaaa"), image("bbbb")], "bbbb"),
    ([image("aaaa", thoughtSignature="c2ln" * 9)], "aaaa"),
    ([{"thoughtSignature": "c2ln", **image("aaaa")}, {"text": "", "thoughtSignature": "c2ln"}], "aaaa"),
    ([{"inline_data": {"mime_type": "image/png", "data": "aaaa"}, "thought_signature": "c2ln"}], "aaaa"),
]


@pytest.mark.parametrize(("parts", "result"), CASES)
async def test_the_last_picture_that_is_no_thought(parts: list[dict[str, Any]], result: str) -> None:
    assert await read_json(response(*parts)) == [("CompletedImage", result)]
    streamed, _ = await read(sse(*[response(part) for part in parts], response({"text": ""}, finishReason="STOP")), SSE)
    assert contents(streamed) == [("CompletedImage", result)]


@pytest.mark.parametrize("as_stream", [True, False])
async def test_drafts_are_previews_as_many_as_are_wanted(as_stream: bool) -> None:
    parts = [image("aaaa", **THOUGHT), image("bbbb"), image("cccc"), image("dddd")]
    for previews, shown in ((0, []), (2, ["aaaa", "bbbb"]), (3, ["aaaa", "bbbb", "cccc"])):
        body = sse(*map(response, parts)) if as_stream else json.dumps(response(*parts)).encode()
        seen, _ = await read(body, SSE if as_stream else JSON, previews)
        assert contents(seen) == [*[("PartialImage", text) for text in shown], ("CompletedImage", "dddd")]


async def test_a_thought_is_shown_before_more_comes() -> None:
    source = events(answer([sse(response(image("aaaa", **THOUGHT))), b"data: never JSON\n\n"], SSE), 1)
    assert isinstance(await anext(source), PartialImage)
    with pytest.raises(BadResponse):
        await anext(source)


async def test_the_pieces_are_those_of_the_network() -> None:
    head, tail = json.dumps(response(image("|"))).encode().split(b"|")
    chunks = [head, b"a" * 1000, b"b" * 1000, tail]
    async for event in events(answer(chunks)):
        if isinstance(event, CompletedImage):
            assert isinstance(event.source, ImageBytes)
            drained = [chunk async for chunk in event.source.chunks]
            assert len(drained) == 2 and all(one is other for one, other in zip(drained, chunks[1:3], strict=True)), "no copies"


class Counted(bytes):
    """A piece that knows how many of its kind are held anywhere."""

    alive = 0

    def __new__(cls, content: bytes) -> Counted:
        cls.alive += 1
        return super().__new__(cls, content)

    def __del__(self) -> None:
        Counted.alive -= 1


class Drafts(Sequence[bytes]):
    """An answer of twelve pictures; each piece is made when it is read, and held by the reader alone."""

    def __init__(self) -> None:
        self._between = json.dumps(response(*[image("|")] * 12)).encode().split(b"|")

    def __len__(self) -> int:
        return 2 * len(self._between) - 1

    def __getitem__(self, index: Any) -> Any:
        if index >= len(self):
            raise IndexError
        return Counted(b"aaaa") if index % 2 else self._between[index // 2]


async def test_of_many_drafts_two_are_held() -> None:
    most = 0
    async for event in events(answer(Drafts())):
        most = max(most, Counted.alive)
        if isinstance(event, CompletedImage):
            assert isinstance(event.source, ImageBytes)
            assert [chunk async for chunk in event.source.chunks] == [b"aaaa"]
    assert most == 2 and Counted.alive == 0


@settings(max_examples=60)
@given(st.sampled_from(CASES), st.lists(st.integers(1, 60), max_size=8), st.sampled_from([None, 2]))
async def test_where_the_network_cuts_makes_no_difference(
    case: tuple[list[dict[str, Any]], str], cuts: list[int], indent: int | None
) -> None:
    parts, result = case
    whole = json.dumps(response(*parts), indent=indent).encode()
    pieces: list[bytes] = []
    rest = whole
    for cut in cuts:
        pieces, rest = [*pieces, rest[:cut]], rest[cut:]
    assert contents((await read([*pieces, rest]))[0]) == [("CompletedImage", result)]


async def test_details_and_the_end() -> None:
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}
    grounding = {"webSearchQueries": ["x"]}
    document = {**response({"text": "Here "}, image("aaaa"), groundingMetadata=grounding), "usageMetadata": usage}
    pictures, [finished] = await read(json.dumps(document).encode())
    details = pictures[0][2]
    assert (details.output_format, details.extra) == ("png", {"text": "Here"})
    assert finished.usage is not None and finished.usage.total_tokens == 3
    assert finished.extra == {"grounding_metadata": grounding}


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({}, BadResponse),
        ([], BadResponse),
        ("text", BadResponse),
        ({"candidates": None}, BadResponse),
        ({"candidates": [None, 3]}, BadResponse),
        ({"candidates": [{"content": None}]}, BadResponse),
        ({"candidates": [{"content": {}, "finishReason": "IMAGE_SAFETY"}]}, ContentRefused),
        ({"candidates": [{"content": {"parts": None}, "finish_reason": "SAFETY"}]}, ContentRefused),
        (response(image("aaaa"), finishReason="PROHIBITED_CONTENT"), ContentRefused),
        ({"prompt_feedback": {"block_reason": "SAFETY"}}, ContentRefused),
        ({"promptFeedback": {"blockReason": "OTHER"}, "candidates": []}, ContentRefused),
        ([{"error": {"status": "UNAVAILABLE"}}], Unavailable),
        (response({"inlineData": {"mimeType": "image/png"}}), BadResponse),
    ],
)
async def test_answers_without_a_picture(document: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        await read_json(document)
    with pytest.raises(error):
        await read(sse(document), SSE)


@pytest.mark.parametrize("kind", [JSON, SSE])
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"candidates":[{"content":{"parts":[{"inlineData":{"data":"aaaa'])
async def test_what_is_no_json(body: bytes, kind: str) -> None:
    with pytest.raises(BadResponse):
        await read(body if kind == JSON else b"data: " + body, kind)


async def test_an_error_after_a_draft_is_the_errors() -> None:
    body = sse(response(image("aaaa")), {"error": {"code": 503, "status": "UNAVAILABLE"}})
    with pytest.raises(Unavailable):
        await read(body, SSE)
