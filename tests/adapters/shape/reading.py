"""Reads OpenAI-shaped answers to their end, for tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from imagegate.adapters.shape.answers import events
from imagegate.adapters.shape.failures import openai_error_inside
from imagegate.domain.events import CompletedImage, Finished, ImageBytes, ImageDetails, ImageLink, PartialImage, Progress, Usage
from imagegate.upstream.client import Answer

JSON, SSE = "application/json", "text/event-stream"
USAGE = {
    "total_tokens": 100,
    "input_tokens": 50,
    "output_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens_details": {"image_tokens": 50, "text_tokens": 0},
}
READ = Usage(50, 50, 100, 10, 40, 0, 50)


@dataclass
class Seen:
    """What came out: pictures as (kind, base64 or url, details), and the end."""

    pictures: list[tuple[str, str, ImageDetails]] = field(default_factory=list)
    finished: Finished | None = None

    @property
    def contents(self) -> list[tuple[str, str]]:
        """Kind and content only."""
        return [(kind, content) for kind, content, _ in self.pictures]


def answer(pieces: Sequence[bytes], content_type: str = JSON) -> Answer:
    """A 2xx answer that arrives in these pieces."""

    async def content() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    response = httpx2.Response(200, headers={"content-type": content_type}, content=content())
    return Answer(response, 5.0, asyncio.get_running_loop().time() + 5.0)


async def read(pieces: Sequence[bytes] | bytes, content_type: str = JSON) -> Seen:
    """All events, every picture drained."""
    seen = Seen()
    source = events(answer([pieces] if isinstance(pieces, bytes) else pieces, content_type), openai_error_inside)
    async for event in source:
        match event:
            case Finished():
                assert seen.finished is None
                seen.finished = event
            case Progress():
                raise AssertionError("this shape has no progress")
            case CompletedImage(source=ImageLink(url=url)):
                seen.pictures.append(("completed", url, event.details))
            case PartialImage() | CompletedImage():
                assert isinstance(event.source, ImageBytes)
                text = b"".join([chunk async for chunk in event.source.chunks]).decode()
                seen.pictures.append(("partial" if isinstance(event, PartialImage) else "completed", text, event.details))
    return seen


async def read_json(document: object) -> Seen:
    """All events of a JSON document."""
    return await read(json.dumps(document).encode())


def frame(name: str | None, **fields: Any) -> str:
    """One SSE frame; ``name`` None leaves out its ``event`` line."""
    line = f"event: {name}\n" if name else ""
    return f"{line}data: {json.dumps(fields)}\n\n"


async def read_stream(*frames: str) -> Seen:
    """All events of a stream."""
    return await read("".join(frames).encode(), SSE)
