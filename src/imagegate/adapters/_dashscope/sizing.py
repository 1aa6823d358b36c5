"""The size that is sent: ``W*H`` or a tier. What is left out may be made, and billed, as 2048x2048."""

from __future__ import annotations

import re
from dataclasses import replace

from imagegate.adapters.shape.wishes import wished_size
from imagegate.domain.capabilities import Capabilities, SizePolicy, SizeRule
from imagegate.domain.fitting import fit_size, size_from
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.sizes import PixelSize, parse_size, reduced

_PIXELS = re.compile(r"^(\d+)x(\d+)$")


def sent_size(request: ImageRequest, row: Capabilities, *, interleaved: bool) -> str | None:
    """None: the model takes none. Without a word an edit keeps the shape of its last picture, as DashScope does."""
    if row.extra.get("sized") is False:
        return None
    rule, usual = _rule(request, row, interleaved=interleaved)
    usual_size = parse_size(usual) if usual else None
    asked = wished_size(request, rule, edge=1024)
    if asked is None and request.images and isinstance(usual_size, PixelSize):
        asked = _shape_of_the_last(request, usual_size.area, rule)
    if asked is None:
        return usual
    fitted = asked if rule.policy is SizePolicy.PASSTHROUGH else fit_size(parse_size(asked), rule)
    return _PIXELS.sub(r"\1*\2", fitted)


def _rule(request: ImageRequest, row: Capabilities, *, interleaved: bool) -> tuple[SizeRule, str | None]:
    """The rule, and the size without a word. Some models make smaller pictures in an edit, or between their words."""
    usual, most = row.extra.get("default_size"), row.extra.get("edit_pixels")
    between = parse_size(row.extra["interleaved"]) if interleaved else None
    if isinstance(between, PixelSize):
        return replace(row.sizes, max_pixels=between.area), row.extra["interleaved"]
    smaller = replace(row.sizes, max_pixels=most) if most and request.operation is Operation.EDIT else row.sizes
    return smaller, usual if isinstance(usual, str) else None


def _shape_of_the_last(request: ImageRequest, area: int, rule: SizeRule) -> str | None:
    last = request.images[-1]
    if not last.width or not last.height:
        return None
    return str(size_from(reduced(PixelSize(last.width, last.height)), area, rule))
