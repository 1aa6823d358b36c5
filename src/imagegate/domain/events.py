"""What an adapter yields: pictures on their way, as neutral events.

Grammar of one run: ``(Progress | PartialImage)* (CompletedImage (Progress | PartialImage)*)+ Finished?``, with at most
``n`` CompletedImage. The consumer drains an image's source before it asks for the next event; ``details`` are complete
once the source is drained, because a provider may send them after the picture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them. ``extra`` keeps counters that have no name here."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    input_text_tokens: int = 0
    input_image_tokens: int = 0
    output_text_tokens: int | None = None
    output_image_tokens: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def add_usage(one: Usage | None, other: Usage | None) -> Usage | None:
    """Both counts together; None only when there is neither."""
    if one is None or other is None:
        return other or one
    return Usage(
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        total_tokens=one.total_tokens + other.total_tokens,
        input_text_tokens=one.input_text_tokens + other.input_text_tokens,
        input_image_tokens=one.input_image_tokens + other.input_image_tokens,
        output_text_tokens=_sum(one.output_text_tokens, other.output_text_tokens),
        output_image_tokens=_sum(one.output_image_tokens, other.output_image_tokens),
        extra=_add_counters(one.extra, other.extra),
    )


def _add_counters(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {name: one[name] + other[name] for name in one.keys() & other.keys() if _counts(one[name]) and _counts(other[name])}
    return {**one, **other, **both}


def _counts(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


@dataclass(slots=True)
class ImageDetails:
    """What the provider said about one picture. ``extra``: fields of the item that we do not know, passed on as they are.

    ``found_format``: what the picture's first bytes show, spelled as OpenAI does; it wins over the provider's ``output_format``.
    """

    size: str | None = None
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None
    revised_prompt: str | None = None
    created: int | None = None
    partial_index: int | None = None
    usage: Usage | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    found_format: str | None = None


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """A picture as a stream that can be read once: base64 text without line breaks (the usual cargo), or raw bytes."""

    chunks: AsyncIterator[bytes]
    encoding: Literal["base64", "raw"] = "base64"


@dataclass(frozen=True, slots=True)
class ImageLink:
    """A picture that the provider left at a URL; the relay fetches it through the right door."""

    url: str


ImageSource = ImageBytes | ImageLink


@dataclass(frozen=True, slots=True)
class Progress:
    """Something happened, no picture yet. ``note`` is one short line without secrets; it becomes an SSE comment."""

    note: str


@dataclass(frozen=True, slots=True)
class PartialImage:
    """A preview of the picture that will follow."""

    source: ImageSource
    details: ImageDetails = field(default_factory=ImageDetails)


@dataclass(frozen=True, slots=True)
class CompletedImage:
    """One finished picture."""

    source: ImageSource
    details: ImageDetails = field(default_factory=ImageDetails)


@dataclass(frozen=True, slots=True)
class Finished:
    """What the provider said about the whole result, after its last picture. ``extra``: unknown top-level fields."""

    usage: Usage | None = None
    created: int | None = None
    details: ImageDetails = field(default_factory=ImageDetails)
    extra: dict[str, Any] = field(default_factory=dict)


ImageEvent = Progress | PartialImage | CompletedImage | Finished


async def one_chunk(data: bytes) -> AsyncIterator[bytes]:
    """A stream of bytes that are already held."""
    yield data


def held(base64: bytes) -> ImageBytes:
    """A picture whose base64 text is already in memory."""
    return ImageBytes(one_chunk(base64))
