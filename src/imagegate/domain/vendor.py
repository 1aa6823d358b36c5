"""Request fields that OpenAI's protocol does not have: which of them are lost, and what they say about a size. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imagegate.domain.capabilities import Capabilities, Decider
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import Tier

RESERVED = frozenset({"model", "prompt", "stream", "n", "image", "images", "mask", "markup"})
"""Names that no unknown field may have: they would replace what the gateway decides."""

TIER_FIELDS = frozenset({"resolution", "image_size", "imageSize"})
"""Fields that some providers have for the tier of a size (``2K``)."""

_TIERS = {tier.value: tier for tier in Tier}
_MOST_NAMED = 50
_NOT_IN_A_HEADER = re.compile(r"[^A-Za-z0-9_.:$@/\[\]-]")


def lost(request: ImageRequest, capabilities: Capabilities) -> tuple[str, ...]:
    """Fields of ``request.extra`` that go nowhere: the model does not take them, or a size says already what they say.

    ``request.size`` is what is going to be sent. Where nobody can ask for a size, a provider's own words cannot either.
    """
    vendor = capabilities.vendor
    nobody_asks = capabilities.sizes_for(request).decided_by is not Decider.CALLER
    twice = {name for name in vendor.sizes if nobody_asks or _says_again(request.size, name)}
    return tuple(name for name in request.extra if name.partition("[")[0] in RESERVED or name in twice or not vendor.takes(name))


def told(names: Sequence[str]) -> list[str]:
    """Names of a caller's fields as a header can hold them; not more than fifty."""
    shown = [_NOT_IN_A_HEADER.sub("?", name)[:64] for name in names[:_MOST_NAMED]]
    return shown if len(names) <= _MOST_NAMED else [*shown, f"{len(names) - _MOST_NAMED}-more"]


def tier_beside(request: ImageRequest, capabilities: Capabilities) -> tuple[str, Tier] | None:
    """How large a ratio shall become, as a provider's own field says, and the name of the field."""
    for name in sorted(TIER_FIELDS & capabilities.vendor.sizes & request.extra.keys()):
        if (tier := _TIERS.get(str(request.extra[name]).upper())) is not None:
            return name, tier
    return None


def _says_again(size: str | None, name: str) -> bool:
    """Whether a provider's word says what the size says already; a ratio leaves the tier open, and a tier the ratio."""
    if size is None or size == "auto":
        return False
    if ":" in size:
        return name not in TIER_FIELDS
    return name in TIER_FIELDS or size.upper() not in _TIERS
