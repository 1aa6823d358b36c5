"""A size in the words of other providers: ``aspect_ratio`` and ``resolution`` among a request's unknown fields."""

from __future__ import annotations

from imagegate.domain.capabilities import SizeRule
from imagegate.domain.fitting import size_from
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import Ratio, Tier, parse_ratio
from imagegate.errors import InvalidRequest

WISHES = frozenset({"aspect_ratio", "resolution"})
"""The names that are read here and go nowhere else."""

_TIERS = {tier.value: tier for tier in Tier}


def wished_size(request: ImageRequest, rule: SizeRule, *, edge: int = 1024) -> str | None:
    """``WxH`` (or the provider's own word) as asked for, else the nearest of the rule to the wishes; None when nothing is said.

    ``edge``: of the square whose area is meant when only a ratio is given, in pixels. Raises InvalidRequest for a wish that is
    none.
    """
    if request.size not in {None, "auto"}:
        return request.size
    ratio, resolution = request.extra.get("aspect_ratio"), request.extra.get("resolution")
    shape, tier = parse_ratio(str(ratio)), _TIERS.get(str(resolution).upper())
    if ratio is not None and shape is None:
        raise InvalidRequest("'aspect_ratio' must be a ratio such as '16:9'.", param="aspect_ratio")
    if resolution is not None and tier is None:
        raise InvalidRequest(f"'resolution' must be one of {', '.join(_TIERS)}.", param="resolution")
    if shape is None and tier is None:
        return None
    return str(size_from(shape or Ratio(1, 1), tier or edge * edge, rule))
