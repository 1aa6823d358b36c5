"""Words and pictures in turn (wan2.6-image), as an event stream or in the one document of a job.

Source: help.aliyun.com/zh/model-studio/wan-image-generation-api-reference (2026-10). A frame holds some words or one picture, and
the counters so far; every frame says ``finished``, so the stream's end is the end.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from imagegate.adapters._dashscope import results
from imagegate.domain.events import CompletedImage, ImageDetails, ImageEvent, ImageLink
from imagegate.errors import BadResponse
from imagegate.upstream.client import Answer
from imagegate.upstream.eventstream import EventEnd, EventScanner
from imagegate.upstream.jsonstream import InvalidJson

_LONGEST_TEXT = 64 * 1024
_ONLY_WORDS = "The model answered with words instead of a picture; say in the prompt what the pictures show."


async def events(answer: Answer) -> AsyncGenerator[ImageEvent]:
    """The pictures of a stream as they come, and Finished. Raises BadResponse, and what an error inside stands for."""
    reading = _Reading()
    async with aclosing(_frames(answer)) as frames:
        async for frame in frames:
            for event in reading.take(frame):
                yield event
    yield reading.close()


def pictures(document: Any) -> Iterator[ImageEvent]:
    """The same of a whole answer."""
    reading = _Reading()
    yield from reading.take(document)
    yield reading.close()


@dataclass(slots=True)
class _Reading:
    """``text``: words since the last picture; a picture is told with those before it, the rest with the end."""

    text: str = ""
    made: int = 0
    last: Mapping[str, Any] = field(default_factory=dict)

    def take(self, document: Any) -> Iterator[CompletedImage]:
        """The pictures of a frame or of a whole answer."""
        results.raise_told(document)
        self.last = document if isinstance(document, Mapping) else {}
        for part in (part for parts in results.contents(document) for part in parts):
            if isinstance(part.get("text"), str):
                self.text = (self.text + part["text"])[:_LONGEST_TEXT]
            if isinstance(part.get("image"), str) and part["image"]:
                self.made += 1
                yield CompletedImage(ImageLink(part["image"]), ImageDetails(size=results.size(document), extra=self._words()))

    def close(self) -> ImageEvent:
        """Raises BadResponse when there was no picture."""
        if not self.made:
            raise BadResponse(_ONLY_WORDS if self.text.strip() else "The provider answered without a picture.")
        return results.finished(self.last, self._words())

    def _words(self) -> dict[str, Any]:
        text, self.text = self.text.strip(), ""
        return {"text": text} if text else {}


async def _frames(answer: Answer) -> AsyncGenerator[Any]:
    """The events' documents."""
    scanner = EventScanner(frozenset())
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for token in scanner.feed(chunk):
                    if isinstance(token, EventEnd) and token.fields is not None:
                        yield token.fields
        for token in scanner.close():
            if isinstance(token, EventEnd) and token.fields is not None:
                yield token.fields
    except InvalidJson as error:
        raise BadResponse("The provider answered with something that is not the JSON it should be.") from error
