"""What a caller asks for: one neutral request, whatever protocol it came in by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Operation(StrEnum):
    """What is to be made. A variation is an edit with a fixed instruction."""

    GENERATE = "generate"
    EDIT = "edit"


class Content(Protocol):
    """Bytes at rest (spooled upload, fetched picture): can be read several times, chunk by chunk."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    async def sha256(self) -> str:
        """Hex digest of the bytes, which are read for it: most requests never need it."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from the start, in pieces of at most 256 KiB."""
        ...

    async def read(self) -> bytes:
        """All bytes at once; for providers that want base64 in JSON."""
        ...


@dataclass(frozen=True, slots=True)
class InputImage:
    """A reference picture, mask or markup. ``media_type`` was sniffed, never taken from the caller.

    ``width`` and ``height`` in pixels; None when sniffing is switched off. ``filename`` is ours and safe to send on.
    """

    content: Content
    media_type: str
    filename: str
    width: int | None = None
    height: int | None = None
    has_alpha: bool | None = None


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A generation or an edit, in OpenAI's vocabulary. None means: the caller did not say.

    ``model`` is the public name until the relay has chosen a candidate, then the channel's upstream name.
    ``size`` is ``auto``, ``WxH`` in pixels or a provider's own word. ``extra`` holds fields that we do not know.
    """

    operation: Operation
    model: str
    prompt: str
    n: int = 1
    size: str | None = None
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None
    output_compression: int | None = None
    moderation: str | None = None
    input_fidelity: str | None = None
    style: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    stream: bool = False
    partial_images: int | None = None
    complexity: str | None = None
    frame_count: int | None = None
    frame_duration_ms: int | None = None
    svg: Mapping[str, Any] | None = None
    images: tuple[InputImage, ...] = ()
    mask: InputImage | None = None
    markup: InputImage | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
