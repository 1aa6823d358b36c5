"""Events as OpenAI writes them, in pieces, so that a picture leaves while it still arrives.

Shapes: openai-python 3.52 (types/images_response.py, image_gen_completed_event.py, image_edit_partial_image_event.py, …).
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import orjson

from imagegate.api.errors import envelope
from imagegate.domain.events import (
    CompletedImage,
    Finished,
    ImageBytes,
    ImageDetails,
    ImageEvent,
    ImageSource,
    PartialImage,
    Progress,
    Usage,
    add_usage,
)
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import GatewayError

_EVENT_PREFIX = {Operation.GENERATE: "image_generation", Operation.EDIT: "image_edit"}
_SIZE = re.compile(r"[1-9][0-9]*x[1-9][0-9]*")
_QUALITIES = frozenset({"standard", "hd", "low", "medium", "high", "xhigh", "max"})
_EVENT_QUALITIES = frozenset({"low", "medium", "high", "xhigh", "max", "auto"})
_BACKGROUNDS = frozenset({"transparent", "opaque"})
_EVENT_BACKGROUNDS = _BACKGROUNDS | {"auto"}
_FORMATS = frozenset({"png", "jpeg", "webp", "gif", "svg"})
_WRITTEN = frozenset(
    {
        "type",
        "created",
        "created_at",
        "data",
        "b64_json",
        "url",
        "usage",
        "partial_image_index",
        "size",
        "quality",
        "background",
        "output_format",
    }
)
"""Names that only we write; an unknown field of a provider never replaces one."""


@dataclass(slots=True)
class Wire:
    """Writes one request's events. ``request``: as the caller sent it, for what the provider left unsaid.

    ``endpoint``: whose event names to use, where that is not the request's operation.

    ``error_told``: a failure in the middle of a picture has been written into its own frame. ``finished``: the piece of JSON
    that was just yielded is the last one.
    """

    request: ImageRequest
    endpoint: Operation | None = None
    created: int = field(default_factory=lambda: int(time.time()))
    error_told: bool = False
    finished: bool = False
    _partials: int = 0
    _end: bytes = b""

    async def json(self, events: AsyncIterator[ImageEvent]) -> AsyncGenerator[bytes]:
        """The whole JSON answer: pictures first, what is said about them after."""
        pending = b'{"data":['
        told = ImageDetails()
        whole = Finished()
        usage: Usage | None = None
        async for event in events:
            if isinstance(event, CompletedImage):
                source = event.source
                if isinstance(source, ImageBytes):
                    pending += b'{"b64_json":"'
                    async for chunk in source.chunks:
                        yield pending + chunk if pending else chunk
                        pending = b""
                    pending += b'"'
                else:
                    pending += b'{"url":' + orjson.dumps(source.url)
                pending += _item_rest(event.details) + b","
                _tell(told, event.details)
                usage = add_usage(usage, event.details.usage)
            elif isinstance(event, Finished):
                whole = event
        _tell(told, whole.details)
        tail = {
            "created": whole.created or told.created or self.created,
            **self._official(told),
            **_unknown(whole.extra),
        }
        if total := whole.usage or usage:
            tail["usage"] = usage_object(total)
        self.finished = True
        yield pending.removesuffix(b",") + b"]," + orjson.dumps(tail)[1:]

    async def frames(self, events: AsyncIterator[ImageEvent]) -> AsyncGenerator[bytes]:
        """SSE frames in pieces. A completed frame stays open until its usage is known: its own, or the whole answer's."""
        waiting: ImageDetails | None = None
        try:
            async for event in events:
                if waiting is not None:
                    total = event.usage if isinstance(event, Finished) else None
                    yield self._closing(waiting, total or Usage())
                    waiting = None
                if isinstance(event, Progress):
                    yield comment(event.note)
                elif isinstance(event, PartialImage):
                    async for piece in self._frame("partial_image", event):
                        yield piece
                    yield self._closing(event.details, None)
                elif isinstance(event, CompletedImage):
                    async for piece in self._frame("completed", event):
                        yield piece
                    if event.details.usage is None:
                        waiting = event.details
                    else:
                        yield self._closing(event.details, event.details.usage)
                    self._partials = 0
        except GatewayError:
            if waiting is not None:  # this picture is whole; what failed came after it
                yield self._closing(waiting, Usage())
            raise
        if waiting is not None:
            yield self._closing(waiting, Usage())

    async def _frame(self, kind: str, event: PartialImage | CompletedImage) -> AsyncGenerator[bytes]:
        name = f"{_EVENT_PREFIX[self.endpoint or self.request.operation]}.{kind}"
        opening, self._end = _around(event.source)
        begun = False
        try:
            async for piece in _picture(f'event: {name}\ndata: {{"type":"{name}",'.encode() + opening, event.source):
                begun = True
                yield piece
        except GatewayError as error:
            if begun:
                self.error_told = True
                yield _broken(error)
            raise

    def _closing(self, details: ImageDetails, usage: Usage | None) -> bytes:
        """The end of the picture and the fields behind it. ``usage`` None: a partial image."""
        rest: dict[str, Any] = {"created_at": details.created or self.created, **self._required(details)}
        if usage is None:
            rest["partial_image_index"] = self._partials if details.partial_index is None else details.partial_index
            self._partials += 1
        else:
            rest["usage"] = usage_object(usage)
        if details.revised_prompt:
            rest["revised_prompt"] = details.revised_prompt
        return self._end + b"," + orjson.dumps({**_unknown(details.extra), **rest})[1:] + b"\n\n"

    def _required(self, details: ImageDetails) -> dict[str, str]:
        """Strict clients need all four in every event, and only words that they know."""
        asked = self.request
        background = _first(_EVENT_BACKGROUNDS, details.background) or _first({"transparent"}, asked.background)
        return {
            "size": details.size or "auto",
            "quality": _first(_EVENT_QUALITIES, details.quality) or "auto",
            "background": background or "opaque",
            "output_format": _format(details, asked) or "png",
        }

    def _official(self, told: ImageDetails) -> dict[str, str]:
        """What the events say, which know size and quality as they were granted; only values that strict clients know."""
        asked = self.request
        said = {
            "size": told.size if told.size and _SIZE.fullmatch(told.size) else None,
            "quality": _first(_QUALITIES, told.quality),
            "background": _first(_BACKGROUNDS, told.background, asked.background),
            "output_format": _format(told, asked),
        }
        return {name: value for name, value in said.items() if value is not None}


def comment(note: str) -> bytes:
    """An SSE comment, for heartbeat and progress; clients ignore it."""
    return b": " + " ".join(note.split())[:200].encode() + b"\n\n"


def usage_object(usage: Usage) -> dict[str, Any]:
    """``usage`` with the integers that strict clients need."""
    written: dict[str, Any] = {
        **usage.extra,
        "total_tokens": usage.total_tokens,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "input_tokens_details": {"text_tokens": usage.input_text_tokens, "image_tokens": usage.input_image_tokens},
    }
    if usage.output_image_tokens is not None or usage.output_text_tokens is not None:
        written["output_tokens_details"] = {
            "image_tokens": usage.output_image_tokens or 0,
            "text_tokens": usage.output_text_tokens or 0,
        }
    return written


def _item_rest(details: ImageDetails) -> bytes:
    """What stands behind the picture in its object, and the end of the object."""
    rest = _unknown(details.extra)
    if details.revised_prompt:
        rest["revised_prompt"] = details.revised_prompt
    return (b"," + orjson.dumps(rest)[1:]) if rest else b"}"


def _broken(error: GatewayError) -> bytes:
    """Ends a frame in the middle of its base64 text so that SDKs raise: they look for ``error`` in the data.

    The second ``type`` wins where a reader allows two, and stops one that does not: the picture is never taken for whole.
    """
    return b'","type":"error",' + orjson.dumps(envelope(error))[1:] + b"\n\n"


def _around(source: ImageSource) -> tuple[bytes, bytes]:
    """What stands before and behind a picture's own text."""
    return (b'"b64_json":"', b'"') if isinstance(source, ImageBytes) else (b'"url":', b"")


async def _picture(opening: bytes, source: ImageSource) -> AsyncGenerator[bytes]:
    """The opening together with the first piece of the text, then the others. Its end leaves with what follows it."""
    if not isinstance(source, ImageBytes):
        yield opening + orjson.dumps(source.url)
        return
    async for chunk in source.chunks:
        yield opening + chunk if opening else chunk
        opening = b""
    if opening:
        yield opening


def _unknown(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name not in _WRITTEN}


def _first(known: Set[str], *said: str | None) -> str | None:
    return next((word for word in said if word is not None and word in known), None)


def _format(details: ImageDetails, asked: ImageRequest) -> str | None:
    """What the picture is; else what was said of it, else what was asked for."""
    said = (details.found_format,) if details.found_format else (_spelled(details.output_format), _spelled(asked.output_format))
    return _first(_FORMATS, *said)


def _spelled(output_format: str | None) -> str | None:
    return "jpeg" if output_format == "jpg" else output_format


def _tell(told: ImageDetails, details: ImageDetails) -> None:
    for name in ("size", "quality", "background", "output_format", "found_format", "created"):
        value = getattr(details, name)
        if value is not None:
            setattr(told, name, value)
