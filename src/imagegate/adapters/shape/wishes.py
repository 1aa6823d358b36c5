"""A size in the words of other providers: ``aspect_ratio`` and ``resolution`` among a request's unknown fields."""

from __future__ import annotations

from imagegate.domain.capabilities import SizeRule
from imagegate.domain.fitting import size_from
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import Ratio, Tier, parse_ratio

WISHES = frozenset({"aspect_ratio", "resolution"})
"""The names that are read here and go nowhere else."""

_TIERS = {tier.value: tier for tier in Tier}


def wished_size(request: ImageRequest, rule: SizeRule, *, edge: int = 1024) -> str | None:
    """``WxH`` (or the provider's own word) as asked for, else the nearest of the rule to the wishes; None when nothing is said.

    ``edge``: of the square whose area is meant when only a ratio is given, in pixels.
    """
    if request.size not in {None, "auto"}:
        return request.size
    shape = parse_ratio(str(request.extra.get("aspect_ratio", "")))
    tier = _TIERS.get(str(request.extra.get("resolution", "")).upper())
    if shape is None and tier is None:
        return None
    return str(size_from(shape or Ratio(1, 1), tier or edge * edge, rule))
