"""From OpenAI's answers, JSON and SSE, to events, without parsing the pictures."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from imagegate.domain.events import (
    CompletedImage,
    Finished,
    ImageBytes,
    ImageDetails,
    ImageEvent,
    ImageLink,
    PartialImage,
    Usage,
)
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Answer
from imagegate.upstream.eventstream import EventCargo, EventEnd, EventScanner, EventToken
from imagegate.upstream.jsonstream import CargoScanner, CargoStart, InvalidJson, ObjectEnd, Token

_CARGO = frozenset({"b64_json"})
_TYPE = re.compile(rb'"type"\s*:\s*"([^"]*)"')
_NO_PICTURE = "The provider answered without a picture."
_NOT_JSON = "The provider answered with something that is not the JSON it should be."
_DETAIL_NAMES = {
    "size": "size",
    "quality": "quality",
    "background": "background",
    "output_format": "output_format",
    "revised_prompt": "revised_prompt",
    "created_at": "created",
    "created": "created",
    "partial_image_index": "partial_index",
}
_NOT_EXTRA = frozenset({"b64_json", "url", "type", "usage", "data", "error"})
_CHAT_COUNTERS = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "prompt_tokens_details": "input_tokens_details",
    "completion_tokens_details": "output_tokens_details",
}
_LARGEST = 2**53
"""Numbers above it are nonsense, and no JSON reader keeps them exact."""

ErrorReader = Callable[[Mapping[str, Any]], GatewayError]
"""Turns an answer that carries ``error`` in a 200 into one of our errors."""


@dataclass(frozen=True, slots=True)
class StreamWords:
    """How the ``type`` of an event ends: OpenAI's words, or those of a dialect; empty for a kind that it does not have.

    ``failed``: one picture of several failed. ``finished``: the end, without a picture.
    """

    partial: str = ".partial_image"
    completed: str = ".completed"
    failed: str = ""
    finished: str = ""

    def kind(self, *names: object) -> str:
        """Which of the words the first name that has one ends with; empty for none."""
        words = [word for word in (self.partial, self.completed, self.failed, self.finished) if word]
        return next((word for name in names for word in words if isinstance(name, str) and name.endswith(word)), "")


def no_picture(_: Mapping[str, Any]) -> GatewayError:
    """The error for an answer that does not say why its picture is missing."""
    return BadResponse(_NO_PICTURE)


def events(
    answer: Answer, on_error: ErrorReader, words: StreamWords = StreamWords(), *, on_empty: ErrorReader = no_picture
) -> AsyncGenerator[ImageEvent]:
    """Whatever the provider chose to send, as events. Raises BadResponse, or what ``on_error`` makes of an error inside.

    Pictures that failed beside others that did not are told in ``Finished.extra["failed"]``. ``on_empty``: for providers whose
    JSON tells elsewhere why it holds no picture.
    """
    streamed = answer.content_type == "text/event-stream"
    return _stream_events(answer, on_error, words) if streamed else _json_events(answer, on_error, on_empty)


async def _json_events(answer: Answer, on_error: ErrorReader, on_empty: ErrorReader) -> AsyncGenerator[ImageEvent]:
    scanner = CargoScanner(_CARGO)
    taken: list[dict[str, Any]] = []
    tokens = _json_tokens(answer, scanner, taken)
    try:
        async for token in tokens:
            if isinstance(token, CargoStart):
                details = ImageDetails()
                yield CompletedImage(ImageBytes(_json_cargo(tokens, details)), details)
    finally:
        await tokens.aclose()
    document = _document(scanner)
    if document.get("error"):
        raise on_error(document)
    links = _links(document, taken)
    for item in links:
        yield CompletedImage(ImageLink(str(item["url"])), read_details(item))
    failed = [on_error(item) for item in _items(document) if item.get("error")]
    if not taken and not links:
        raise failed[0] if failed else on_empty(document)
    yield _told(_finished(document), failed)


async def _json_tokens(answer: Answer, scanner: CargoScanner, taken: list[dict[str, Any]]) -> AsyncGenerator[Token]:
    """``taken`` collects the objects that held a picture. Raises BadResponse, also to whoever drains a picture."""
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for token in scanner.feed(chunk):
                    if isinstance(token, ObjectEnd):
                        taken.append(token.fields)
                    yield token
    except InvalidJson as error:
        raise BadResponse(_NOT_JSON) from error


def _document(scanner: CargoScanner) -> dict[str, Any]:
    try:
        document = scanner.close()
    except InvalidJson as error:
        raise BadResponse(_NOT_JSON) from error
    if not isinstance(document, dict):
        raise BadResponse(_NOT_JSON)
    return document


async def _json_cargo(tokens: AsyncIterator[Token], details: ImageDetails) -> AsyncIterator[bytes]:
    async for token in tokens:
        if isinstance(token, bytes):
            yield token
        elif isinstance(token, ObjectEnd):
            fill_details(details, token.fields)
            return
    raise BadResponse(_NOT_JSON)  # the text ended inside the picture or its object


async def _stream_events(answer: Answer, on_error: ErrorReader, words: StreamWords) -> AsyncGenerator[ImageEvent]:
    tokens = _event_tokens(answer)
    completed = False
    finished: Finished | None = None
    failed: list[GatewayError] = []
    try:
        async for token in tokens:
            if isinstance(token, EventCargo):
                details = ImageDetails()
                source = ImageBytes(_event_cargo(tokens, details, on_error))
                kind = words.kind(_type_of(token), token.name)
                if kind == words.partial:
                    yield PartialImage(source, details)
                elif kind == words.completed:
                    completed = True
                    yield CompletedImage(source, details)
            elif isinstance(token, EventEnd) and isinstance(token.fields, dict):
                kind = words.kind(token.fields.get("type"), token.name)
                if token.fields.get("error"):
                    if not kind or kind != words.failed:
                        raise on_error(token.fields)
                    failed.append(on_error(token.fields))
                elif token.fields.get("url"):
                    completed = True
                    yield CompletedImage(ImageLink(str(token.fields["url"])), read_details(token.fields))
                elif kind and kind == words.finished:
                    finished = _finished(token.fields)
    finally:
        await tokens.aclose()
    if not completed:
        raise failed[0] if failed else BadResponse(_NO_PICTURE)
    if finished or failed:
        yield _told(finished or Finished(), failed)


async def _event_tokens(answer: Answer) -> AsyncGenerator[EventToken]:
    """Raises BadResponse, also to whoever drains a picture."""
    scanner = EventScanner(_CARGO)
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for token in scanner.feed(chunk):
                    yield token
        for token in scanner.close():
            yield token
    except InvalidJson as error:
        raise BadResponse(_NOT_JSON) from error


async def _event_cargo(tokens: AsyncIterator[EventToken], details: ImageDetails, on_error: ErrorReader) -> AsyncIterator[bytes]:
    async for token in tokens:
        if isinstance(token, bytes):
            yield token
        elif isinstance(token, EventEnd):
            if isinstance(token.fields, dict):
                if token.fields.get("error"):  # a gateway's provider failed in the middle of the picture
                    raise on_error(token.fields)
                fill_details(details, token.fields)
            return


def _type_of(cargo: EventCargo) -> str:
    """The ``type`` in the JSON; where it comes only after the picture, the ``event`` line has to do."""
    found = _TYPE.search(cargo.skeleton)
    return found.group(1).decode("utf-8", "replace") if found else ""


def _finished(fields: Mapping[str, Any]) -> Finished:
    whole = read_details(fields)
    extra, whole.extra = whole.extra, {}
    return Finished(usage=whole.usage, created=whole.created, details=whole, extra=extra)


def _told(finished: Finished, failed: list[GatewayError]) -> Finished:
    """The same, with the pictures that failed."""
    if not failed:
        return finished
    told = [{"code": error.code, "message": error.message} for error in failed]
    return replace(finished, extra={**finished.extra, "failed": told})


def _links(document: Mapping[str, Any], taken: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Items with a url and without a picture. Some servers send an empty ``b64_json`` beside the url."""
    held = list(taken)
    links: list[dict[str, Any]] = []
    for item in _items(document):
        if item in held:
            held.remove(item)
        elif item.get("url"):
            links.append(item)
    return links


def _items(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    data = document.get("data")
    return [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []


def read_details(fields: Mapping[str, Any]) -> ImageDetails:
    """Details of a picture or of a whole answer from its small fields."""
    details = ImageDetails()
    fill_details(details, fields)
    return details


def fill_details(details: ImageDetails, fields: Mapping[str, Any]) -> None:
    """Put what the provider said into ``details``; unknown fields go to ``extra``, nulls are left out."""
    for name, value in fields.items():
        if value is None or name in _NOT_EXTRA:
            continue
        known = _DETAIL_NAMES.get(name)
        if known is None:
            details.extra[name] = value
        elif known in {"created", "partial_index"}:
            setattr(details, known, _whole(value))
        elif isinstance(value, str):
            setattr(details, known, value)
    details.usage = read_usage(fields.get("usage")) or details.usage


def read_usage(value: Any) -> Usage | None:
    """OpenAI's ``usage`` object, also in the words of chat; counters that are missing or no numbers read as 0."""
    if not isinstance(value, dict):
        return None
    if not _CHAT_COUNTERS.keys().isdisjoint(value):
        value = {**{_CHAT_COUNTERS.get(name, name): item for name, item in value.items()}, **_without_chat(value)}
    inputs, outputs = _mapping(value.get("input_tokens_details")), _mapping(value.get("output_tokens_details"))
    known = {"input_tokens", "output_tokens", "total_tokens", "input_tokens_details", "output_tokens_details"}
    return Usage(
        input_tokens=_count(value.get("input_tokens")),
        output_tokens=_count(value.get("output_tokens")),
        total_tokens=_count(value.get("total_tokens")) or _count(value.get("input_tokens")) + _count(value.get("output_tokens")),
        input_text_tokens=_count(inputs.get("text_tokens")),
        input_image_tokens=_count(inputs.get("image_tokens")),
        output_text_tokens=_count(outputs["text_tokens"]) if "text_tokens" in outputs else None,
        output_image_tokens=_count(outputs["image_tokens"]) if "image_tokens" in outputs else None,
        extra={name: item for name, item in value.items() if name not in known},
    )


def _without_chat(usage: Mapping[str, Any]) -> dict[str, Any]:
    """The counters in the words of images: they win where both are sent."""
    return {name: item for name, item in usage.items() if name not in _CHAT_COUNTERS}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int:
    return (_whole(value) or 0) if isinstance(value, (int, float)) else 0


def _whole(value: Any) -> int | None:
    """A number, also written as text; None for anything that counts nothing."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 17:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LARGEST:
        return None
    return int(value)
