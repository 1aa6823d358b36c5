"""The one call that the executor makes for each picture: paint, preview, encode."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from imagegate.adapters._sandbox.encoding import base64_pieces, encode
from imagegate.adapters._sandbox.painting import paint
from imagegate.adapters._sandbox.plan import Plan
from imagegate.adapters._sandbox.references import Canvas

Base64 = tuple[bytes, ...]
"""A picture as base64 text, in pieces."""

_COARSEST = 12
_FINEST = 96
"""Cells along the short side of the first and the last preview."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One picture: its previews from coarse to fine, itself, and whether one can see through it."""

    previews: tuple[Base64, ...]
    picture: Base64
    transparent: bool


def render(plan: Plan, index: int, canvas: Canvas | None) -> Rendered:
    """Picture ``index`` of the plan, in the caller's format. Blocks for tens of milliseconds and more."""
    frames = [paint(plan, index, canvas, frame) for frame in range(plan.frames)]
    hole = canvas.hole if canvas else None
    previews = [_preview(frames[0], hole, number, plan.previews) for number in range(plan.previews)]
    return Rendered(
        tuple(base64_pieces(encode([preview], plan)) for preview in previews),
        base64_pieces(encode(frames, plan)),
        plan.output_format != "jpeg" and frames[0].mode == "RGBA",
    )


def _preview(picture: Image.Image, hole: Image.Image | None, number: int, count: int) -> Image.Image:
    """The picture as if seen from afar; what a mask protects is sharp from the start."""
    step = (number + 0.5) / count if count == 1 else number / (count - 1)
    cells = _COARSEST * (_FINEST / _COARSEST) ** step
    share = min(cells / min(picture.size), (number + 1) / (count + 1))
    small = picture.resize((max(1, round(picture.width * share)), max(1, round(picture.height * share))), Image.Resampling.BOX)
    blurred = small.resize(picture.size, Image.Resampling.BICUBIC)
    return blurred if hole is None else Image.composite(blurred, picture, hole)
