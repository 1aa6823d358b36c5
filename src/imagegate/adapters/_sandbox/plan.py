"""What is to be drawn, read from a request once; the rest of the drawing office sees no request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from imagegate.domain.capabilities import SizeRule
from imagegate.domain.fitting import fit_size
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.sizes import PixelSize, parse_size
from imagegate.errors import InvalidRequest

GENERATED_SIZE = (1024, 1024)
"""Pixels of a generation whose size is ``auto``."""
MOST_ANIMATED_PIXELS = 40_000_000
"""Pixels of all frames of a GIF together."""

_DETAIL = {"low": 1, "standard": 2, "medium": 2, "hd": 3, "high": 3, "xhigh": 4, "max": 5}
_AUTO_QUALITY = "medium"
_FORMATS = ("png", "jpeg", "webp", "gif")
_FRAME_MS = 120
_SEEDS = 2**31
_SHOWN = ("style", "input_fidelity", "moderation", "complexity", "output_compression")
_MOST_EXTRAS = 6
_LONGEST_NOTE = 40
_OPERATORS_BUSINESS = frozenset({"operation", "model", "prompt", "n", "stream", "images", "mask", "markup", "extra"})


@dataclass(frozen=True, slots=True)
class Plan:
    """One request. ``size``: pixels, None until an edit has seen its first reference. ``detail``: 1 to 5.

    ``background``: auto, opaque or transparent. ``compression``: 1 to 100, higher looks better; None leaves it to the
    format. ``frames`` above 1 make an animation of ``frame_ms`` milliseconds a frame. ``notes``: more to write on the picture.
    """

    operation: Operation
    model: str
    prompt: str
    n: int
    size: tuple[int, int] | None
    quality: str
    background: str
    output_format: str
    compression: int | None
    previews: int
    frames: int
    frame_ms: int
    seed: int
    vivid: bool
    faithful: bool
    notes: tuple[str, ...]

    @property
    def detail(self) -> int:
        """How much there is to see."""
        return _DETAIL[self.quality]

    @property
    def transparent(self) -> bool:
        """Whether the caller wants to see through the picture."""
        return self.background == "transparent"

    def sized(self, size: tuple[int, int]) -> Plan:
        """The plan with its size settled. Raises InvalidRequest when an animation of that size is too big."""
        if self.frames > 1 and self.frames * size[0] * size[1] > MOST_ANIMATED_PIXELS:
            message = f"{self.frames} frames of {size[0]}x{size[1]} are too much for the sandbox; ask for fewer or smaller ones."
            raise InvalidRequest(message, param="frame_count")
        return replace(self, size=size)


def make_plan(request: ImageRequest, overrides: Mapping[str, Any], sizes: SizeRule) -> Plan:
    """Read a request; ``overrides`` are the operator's and win. Raises InvalidRequest."""
    request = _overridden(request, overrides)
    output_format = _output_format(request)
    quality = request.quality if request.quality in _DETAIL else _AUTO_QUALITY
    size = _size(request.size, sizes)
    generating = request.operation is Operation.GENERATE
    plan = Plan(
        operation=request.operation,
        model=request.model,
        prompt=request.prompt,
        n=request.n,
        size=None,
        quality=quality,
        background=request.background or "auto",
        output_format=output_format,
        compression=None if request.output_compression is None else min(max(request.output_compression, 1), 100),
        previews=min(max(request.partial_images or 0, 0), 3) if request.stream else 0,
        frames=min(max(request.frame_count or 1, 1), 16) if output_format == "gif" else 1,
        frame_ms=max(request.frame_duration_ms or _FRAME_MS, 20),
        seed=_seed(request),
        vivid=request.style == "vivid",
        faithful=request.input_fidelity == "high",
        notes=tuple(_notes(request)),
    )
    if size is None and not generating:
        return plan
    return plan.sized(size or GENERATED_SIZE)


def unwritten(request: ImageRequest) -> frozenset[str]:
    """Unknown fields for which there is no room on the picture."""
    return frozenset(name for name, _ in _extras(request)[_MOST_EXTRAS:])


def _overridden(request: ImageRequest, overrides: Mapping[str, Any]) -> ImageRequest:
    known = {field.name for field in fields(ImageRequest)} - _OPERATORS_BUSINESS
    changed = {name: value for name, value in overrides.items() if name in known}
    extra = {name: value for name, value in overrides.items() if name not in known | _OPERATORS_BUSINESS}
    return replace(request, **changed, extra={**request.extra, **extra})


def _output_format(request: ImageRequest) -> str:
    word = {None: "png", "jpg": "jpeg"}.get(request.output_format, request.output_format)
    if word not in _FORMATS:
        raise InvalidRequest(f"The sandbox makes {', '.join(_FORMATS)}, not '{str(word)[:40]}'.", param="output_format")
    if word == "jpeg" and request.background == "transparent":
        raise InvalidRequest("JPEG has no transparency; use output_format png, webp or gif.", param="background")
    return str(word)


def _size(text: str | None, sizes: SizeRule) -> tuple[int, int] | None:
    """Pixels; None for ``auto``."""
    if text is None:
        return None
    size = parse_size(fit_size(parse_size(text), sizes))
    return (size.width, size.height) if isinstance(size, PixelSize) else None


def _seed(request: ImageRequest) -> int:
    """The caller's ``seed``, else one that follows from the prompt. Picture ``i`` of a request has seed + i."""
    asked = request.extra.get("seed")
    if asked is None:
        digest = hashlib.sha256(request.prompt.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % _SEEDS
    try:
        return int(str(asked)) % _SEEDS
    except ValueError as error:
        raise InvalidRequest("'seed' must be a whole number.", param="seed") from error


def _notes(request: ImageRequest) -> Iterator[str]:
    """What arrived besides the usual, so that people see that it did."""
    for name in _SHOWN:
        value = getattr(request, name)
        if value is not None:
            yield _short(f"{name} {value}")
    for name, value in _extras(request)[:_MOST_EXTRAS]:
        yield _short(f"{name} {value}") if isinstance(value, (str, int, float)) else _short(name)


def _extras(request: ImageRequest) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in request.extra.items() if name != "seed"]


def _short(text: str) -> str:
    line = " ".join(text[: 2 * _LONGEST_NOTE].split())
    return line if len(line) <= _LONGEST_NOTE else line[: _LONGEST_NOTE - 1] + "…"
