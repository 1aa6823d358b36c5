"""From ``generateContent`` answers, JSON and SSE, to events.

Thinking models send drafts before their picture: image parts of the same kind, the last of which is the result. So a picture
is held, as the pieces of base64 that came, until what follows shows which one it was; nothing is decoded or joined.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from imagegate.adapters.google_shape.failures import error_inside, is_block, no_picture
from imagegate.adapters.google_shape.usage import read_usage
from imagegate.domain.events import CompletedImage, Finished, ImageBytes, ImageDetails, ImageEvent, PartialImage
from imagegate.errors import BadResponse
from imagegate.upstream.client import Answer
from imagegate.upstream.eventstream import EventCargo, EventEnd, EventScanner
from imagegate.upstream.jsonstream import CargoScanner, CargoStart, InvalidJson

_CARGO = frozenset({"data", "thoughtSignature", "thought_signature"})
"""Signatures are megabytes too, and of no use here."""
_SIGNATURE = re.compile(rb'ignature"\s*:\s*"$')
_THOUGHT = re.compile(rb'"thought"\s*:\s*true')
_LONGEST_TEXT = 64 * 1024
_NOT_JSON = "The provider answered with something that is not the JSON it should be."

Chunks = deque[bytes]
"""A picture's base64 in the pieces in which it came."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """One GenerateContentResponse: the whole answer, or one event of a stream. ``pictures``: of its image parts, in order."""

    fields: Mapping[str, Any]
    pictures: list[Chunks]


@dataclass(frozen=True, slots=True)
class _Picture:
    chunks: Chunks
    media_type: str
    thought: bool


async def events(answer: Answer, previews: int = 0) -> AsyncGenerator[ImageEvent]:
    """One picture and what was said about it, after at most ``previews`` drafts.

    Raises ContentRefused for a block, BadResponse without a picture, and what an ``error`` inside stands for.
    """
    frames = _stream_frames(answer) if answer.content_type == "text/event-stream" else _json_frame(answer, keep_all=previews > 0)
    reading = _Reading(previews)
    async with aclosing(frames):
        async for frame in frames:
            for draft in reading.take(frame):
                yield draft
    for event in reading.close():
        yield event


async def _json_frame(answer: Answer, *, keep_all: bool) -> AsyncGenerator[_Frame]:
    scanner = CargoScanner(_CARGO)
    pictures: list[Chunks] = []
    wanted = False
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for token in scanner.feed(chunk):
                    if isinstance(token, CargoStart):
                        wanted = not _SIGNATURE.search(token.skeleton)
                        if wanted:
                            _forget(pictures, keep_all or bool(_THOUGHT.search(scanner.skeleton)))
                            pictures.append(deque())
                    elif isinstance(token, bytes) and wanted:
                        pictures[-1].append(token)
        yield _Frame(_object(scanner.close()), pictures)
    except InvalidJson as error:
        raise BadResponse(_NOT_JSON) from error


def _forget(pictures: list[Chunks], keep: bool) -> None:
    """Another picture begins: the newest so far may still be the result, older ones are not, unless thoughts are among them."""
    if not keep:
        for older in pictures[:-1]:
            older.clear()


async def _stream_frames(answer: Answer) -> AsyncGenerator[_Frame]:
    scanner = EventScanner(_CARGO)
    pictures: list[Chunks] = []
    wanted = False
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for token in scanner.feed(chunk):
                    if isinstance(token, EventCargo):
                        wanted = not _SIGNATURE.search(token.skeleton)
                        if wanted:
                            pictures.append(deque())
                    elif isinstance(token, EventEnd):
                        if token.fields is not None:
                            yield _Frame(_object(token.fields), pictures)
                        pictures = []
                    elif wanted:
                        pictures[-1].append(token)
        for token in scanner.close():
            if isinstance(token, EventEnd) and token.fields is not None:
                yield _Frame(_object(token.fields), pictures)
    except InvalidJson as error:
        raise BadResponse(_NOT_JSON) from error


@dataclass(slots=True)
class _Reading:
    """What the frames so far came to."""

    previews: int
    shown: int = 0
    result: _Picture | None = None
    text: str = ""
    feedback: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    message: Any = None
    usage: Any = None
    grounding: Any = None

    def take(self, frame: _Frame) -> Iterator[PartialImage]:
        """Drafts that the frame shows to be such. Raises what an error inside stands for."""
        if frame.fields.get("error"):
            raise error_inside(frame.fields)
        self.feedback = _mapping(frame.fields, "promptFeedback", "prompt_feedback") or self.feedback
        self.usage = _mapping(frame.fields, "usageMetadata", "usage_metadata") or self.usage
        for candidate in _objects(frame.fields.get("candidates")):
            self._note(candidate)
        for picture in _pictures(frame):
            draft = picture if picture.thought else self.result
            if not picture.thought:
                self.result = picture
            if draft is not None and self.shown < self.previews:
                yield PartialImage(_source(draft), ImageDetails(output_format=_format(draft), partial_index=self.shown))
                self.shown += 1

    def close(self) -> Iterator[ImageEvent]:
        """The picture and what was said. Raises ContentRefused or BadResponse when there is none."""
        if self.result is None or is_block(self.reason):  # a draft that is followed by a block is no result
            raise no_picture(self.feedback, self.reason, self.message)
        details = ImageDetails(output_format=_format(self.result))
        if self.text.strip():
            details.extra["text"] = self.text.strip()
        yield CompletedImage(_source(self.result), details)
        extra = {"grounding_metadata": self.grounding} if self.grounding else {}
        yield Finished(usage=read_usage(self.usage), extra=extra)

    def _note(self, candidate: Mapping[str, Any]) -> None:
        reason = candidate.get("finishReason") or candidate.get("finish_reason")
        if isinstance(reason, str):
            self.reason = reason
            self.message = candidate.get("finishMessage") or candidate.get("finish_message")
        self.grounding = _mapping(candidate, "groundingMetadata", "grounding_metadata") or self.grounding
        for part in _parts(candidate):
            if isinstance(part.get("text"), str) and part.get("thought") is not True:
                self.text = (self.text + part["text"])[:_LONGEST_TEXT]


def _pictures(frame: _Frame) -> Iterator[_Picture]:
    """The frame's pictures with what their parts say of them."""
    parts = [part for candidate in _objects(frame.fields.get("candidates")) for part in _parts(candidate)]
    said = [(part, blob) for part in parts if (blob := _mapping(part, "inlineData", "inline_data")) is not None]
    if len(said) != len(frame.pictures):  # an empty part among them: nobody can tell which
        said = [({}, {}) for _ in frame.pictures]
    for (part, blob), chunks in zip(said, frame.pictures, strict=True):
        media_type = blob.get("mimeType") or blob.get("mime_type")
        yield _Picture(chunks, media_type if isinstance(media_type, str) else "", part.get("thought") is True)


def _parts(candidate: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Blocked answers have ``content: {}``, ``parts: null``, or neither."""
    return _objects((_mapping(candidate, "content") or {}).get("parts"))


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _mapping(fields: Mapping[str, Any], *names: str) -> Mapping[str, Any] | None:
    return next((value for name in names if isinstance(value := fields.get(name), Mapping)), None)


def _object(document: Any) -> Mapping[str, Any]:
    """A response; streams without ``alt=sse`` and their errors come as lists of one."""
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, Mapping):
        raise BadResponse(_NOT_JSON)
    return document


def _format(picture: _Picture) -> str | None:
    kind, _, name = picture.media_type.partition("/")
    return name or None if kind == "image" else None


def _source(picture: _Picture) -> ImageBytes:
    return ImageBytes(_flow(picture.chunks))


async def _flow(chunks: Chunks) -> AsyncIterator[bytes]:
    """What is handed on is let go."""
    while chunks:
        yield chunks.popleft()
