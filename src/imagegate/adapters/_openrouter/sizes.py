"""A size as OpenRouter takes it: pixels, or an aspect ratio and a resolution.

Source: openrouter.ai/docs (image generation).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagegate.domain.sizes import Auto, PixelSize, Tier, aspect_ratio, parse_size, tier
from imagegate.errors import InvalidRequest


def size_fields(size: str | None, said: Mapping[str, Any]) -> dict[str, Any]:
    """``size``, or ratio and tier for a model whose row lists ``ratios`` and ``tiers``; ``auto`` is said by silence."""
    if size is None:
        return {}
    try:
        asked = parse_size(size)
    except InvalidRequest:  # a provider's own word, which the row lets pass
        return {"size": size}
    if isinstance(asked, Auto):
        return {}
    if isinstance(asked, PixelSize):
        ratios, tiers = said.get("ratios"), said.get("tiers")
        if not ratios:
            return {"size": str(asked)}
        return {"aspect_ratio": aspect_ratio(asked, ratios), **({"resolution": tier(asked, tiers)} if tiers else {})}
    return {"resolution": str(asked)} if isinstance(asked, Tier) else {"aspect_ratio": size}
