"""Events as OpenAI writes them, in pieces, so that a picture leaves while it still arrives.

Shapes: openai-python 3.52 (types/images_response.py, image_gen_completed_event.py, image_edit_partial_image_event.py, …).
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from imagegate.domain.events import (
    CompletedImage,
    Finished,
    ImageBytes,
    ImageDetails,
    ImageEvent,
    PartialImage,
    Progress,
    Usage,
)
from imagegate.domain.images import ImageRequest, Operation

_EVENT_PREFIX = {Operation.GENERATE: "image_generation", Operation.EDIT: "image_edit"}
_QUALITIES = frozenset({"standard", "hd", "low", "medium", "high", "xhigh", "max"})
_FORMATS = frozenset({"png", "jpeg", "webp", "gif", "svg"})


@dataclass(slots=True)
class Wire:
    """Writes one request's events. ``request``: as the caller sent it, for what the provider left unsaid."""

    request: ImageRequest
    created: int = field(default_factory=lambda: int(time.time()))
    _partials: int = 0

    async def json(self, events: AsyncIterator[ImageEvent]) -> AsyncGenerator[bytes]:
        """The whole JSON answer: pictures first, what is said about them after."""
        opening = b'{"data":['
        told = ImageDetails()
        whole = Finished()
        usage: Usage | None = None
        async for event in events:
            if isinstance(event, CompletedImage):
                async for piece in _item(opening, event):
                    yield piece
                opening = b","
                _tell(told, event.details)
                usage = _add(usage, event.details.usage)
            elif isinstance(event, Finished):
                whole = event
        _tell(told, whole.details)
        tail = {
            "created": whole.created or told.created or self.created,
            **self._official(told),
            **whole.extra,
        }
        if total := whole.usage or usage:
            tail["usage"] = usage_object(total)
        yield b"]," + orjson.dumps(tail)[1:]

    async def frames(self, events: AsyncIterator[ImageEvent]) -> AsyncGenerator[bytes]:
        """SSE frames in pieces. A completed frame stays open until its usage is known: its own, or the whole answer's."""
        waiting: ImageDetails | None = None
        async for event in events:
            if waiting is not None:
                total = event.usage if isinstance(event, Finished) else None
                yield self._closing(waiting, total or Usage())
                waiting = None
            if isinstance(event, Progress):
                yield comment(event.note)
            elif isinstance(event, PartialImage):
                async for piece in _frame(self._name("partial_image"), event):
                    yield piece
                yield self._closing(event.details, None)
            elif isinstance(event, CompletedImage):
                async for piece in _frame(self._name("completed"), event):
                    yield piece
                if event.details.usage is None:
                    waiting = event.details
                else:
                    yield self._closing(event.details, event.details.usage)
                self._partials = 0
        if waiting is not None:
            yield self._closing(waiting, Usage())

    def _name(self, kind: str) -> str:
        return f"{_EVENT_PREFIX[self.request.operation]}.{kind}"

    def _closing(self, details: ImageDetails, usage: Usage | None) -> bytes:
        """The fields behind the picture. ``usage`` None: a partial image."""
        rest: dict[str, Any] = {"created_at": details.created or self.created, **self._required(details)}
        if usage is None:
            rest["partial_image_index"] = self._partials if details.partial_index is None else details.partial_index
            self._partials += 1
        else:
            rest["usage"] = usage_object(usage)
        if details.revised_prompt:
            rest["revised_prompt"] = details.revised_prompt
        return b"," + orjson.dumps({**details.extra, **rest})[1:] + b"\n\n"

    def _required(self, details: ImageDetails) -> dict[str, str]:
        """Strict clients need all four in every event."""
        asked = self.request
        return {
            "size": details.size or asked.size or "auto",
            "quality": details.quality or asked.quality or "auto",
            "background": details.background or ("transparent" if asked.background == "transparent" else "opaque"),
            "output_format": details.output_format or asked.output_format or "png",
        }

    def _official(self, told: ImageDetails) -> dict[str, str]:
        """What the provider said, else what was asked; only values that strict clients know."""
        asked = self.request
        said = {
            "size": told.size or asked.size,
            "quality": told.quality or asked.quality,
            "background": told.background or asked.background,
            "output_format": told.output_format or asked.output_format,
        }
        known = {
            "size": "x" in (said["size"] or ""),
            "quality": said["quality"] in _QUALITIES,
            "background": said["background"] in {"transparent", "opaque"},
            "output_format": said["output_format"] in _FORMATS,
        }
        return {name: value for name, value in said.items() if value is not None and known[name]}


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


async def _item(opening: bytes, event: CompletedImage) -> AsyncGenerator[bytes]:
    async for piece in _picture(opening + b"{", event):
        yield piece
    details = event.details
    rest = dict(details.extra)
    if details.revised_prompt:
        rest["revised_prompt"] = details.revised_prompt
    yield (b"," + orjson.dumps(rest)[1:]) if rest else b"}"


async def _frame(name: str, event: PartialImage | CompletedImage) -> AsyncGenerator[bytes]:
    opening = f'event: {name}\ndata: {{"type":"{name}",'.encode()
    async for piece in _picture(opening, event):
        yield piece


async def _picture(opening: bytes, event: PartialImage | CompletedImage) -> AsyncGenerator[bytes]:
    source = event.source
    if not isinstance(source, ImageBytes):
        yield opening + b'"url":' + orjson.dumps(source.url)
        return
    opening += b'"b64_json":"'
    async for chunk in source.chunks:
        yield opening + chunk if opening else chunk
        opening = b""
    yield opening + b'"'


def _tell(told: ImageDetails, details: ImageDetails) -> None:
    for name in ("size", "quality", "background", "output_format", "created"):
        value = getattr(details, name)
        if value is not None:
            setattr(told, name, value)


def _add(total: Usage | None, usage: Usage | None) -> Usage | None:
    if total is None or usage is None:
        return usage or total
    return Usage(
        input_tokens=total.input_tokens + usage.input_tokens,
        output_tokens=total.output_tokens + usage.output_tokens,
        total_tokens=total.total_tokens + usage.total_tokens,
        input_text_tokens=total.input_text_tokens + usage.input_text_tokens,
        input_image_tokens=total.input_image_tokens + usage.input_image_tokens,
        output_text_tokens=_sum(total.output_text_tokens, usage.output_text_tokens),
        output_image_tokens=_sum(total.output_image_tokens, usage.output_image_tokens),
        extra={**total.extra, **usage.extra},
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)
