"""The size that is sent: ``W*H`` or a tier. What is left out may be made, and billed, as 2048x2048."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from imagegate.adapters.shape.wishes import wished_size
from imagegate.domain.capabilities import Capabilities, Decider, SizePolicy, SizeRule
from imagegate.domain.fitting import fit_size, size_from
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, invalid_size, parse_size, reduced

_PIXELS = re.compile(r"^(\d+)x(\d+)$")


def sent_size(request: ImageRequest, row: Capabilities, *, interleaved: bool) -> str | None:
    """None: the model takes none. Without a word an edit keeps the shape of its last picture, as DashScope does."""
    rule, usual = _rule(request, row, interleaved=interleaved), row.extra.get("interleaved" if interleaved else "default_size")
    if rule.decided_by is not Decider.CALLER:
        return None
    usual_size = parse_size(usual) if usual else None
    asked = wished_size(request, rule, edge=1024)
    if asked is None and request.images and isinstance(usual_size, PixelSize):
        asked = _shape_of_the_last(request, usual_size.area, rule)
    if asked is None:
        return usual if isinstance(usual, str) else None
    fitted = asked if rule.policy is SizePolicy.PASSTHROUGH else fit_size(parse_size(asked), rule)
    return _PIXELS.sub(r"\1*\2", fitted)


def granted_size(own: Any, request: ImageRequest, row: Capabilities, *, interleaved: bool) -> str:
    """A size among the caller's ``parameters``, which is granted as it is or refused; ``size`` is what is fitted."""
    rule = _rule(request, row, interleaved=interleaved)
    if rule.decided_by is not Decider.CALLER or request.size not in {None, "auto"}:
        raise invalid_size("Leave 'parameters.size' out; this model takes none, or 'size' says it already.")
    if rule.policy is not SizePolicy.PASSTHROUGH:
        fit_size(parse_size(str(own)), replace(rule, policy=SizePolicy.STRICT))
    return str(own)


def _rule(request: ImageRequest, row: Capabilities, *, interleaved: bool) -> SizeRule:
    """``sizes`` of a model that can interleave are those of the pictures between its words, also in an edit."""
    return row.sizes if interleaved else row.sizes_for(request)


def _shape_of_the_last(request: ImageRequest, area: int, rule: SizeRule) -> str | None:
    last = request.images[-1]
    if not last.width or not last.height:
        return None
    return str(size_from(reduced(PixelSize(last.width, last.height)), area, rule))
