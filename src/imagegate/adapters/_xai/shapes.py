"""A size as xAI says it: an aspect ratio and a tier.

Source: docs.x.ai (image generation); pixels of each ratio: runware.ai docs.
"""

from __future__ import annotations

from collections.abc import Mapping

from imagegate.domain.sizes import PixelSize, aspect_ratio, parse_size, tier

RATIOS: Mapping[str, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "3:4": (896, 1280),
    "4:3": (1280, 896),
    "9:16": (768, 1408),
    "16:9": (1408, 768),
    "2:3": (864, 1296),
    "3:2": (1296, 864),
    "9:19.5": (576, 1248),
    "19.5:9": (1248, 576),
    "9:20": (576, 1280),
    "20:9": (1280, 576),
    "1:2": (704, 1408),
    "2:1": (1408, 704),
}
"""What ``aspect_ratio`` takes, and the pixels that it makes at ``1k``; other tiers make multiples."""

TIERS: Mapping[str, float] = {"1k": 1, "1.5k": 1.5, "2k": 2}
"""What ``resolution`` takes, and how many times the edges of ``1k``."""

_SHAPES = {
    (round(width * times), round(height * times)): {"aspect_ratio": ratio, "resolution": name}
    for ratio, (width, height) in RATIOS.items()
    for name, times in TIERS.items()
}


def shape(size: str | None) -> dict[str, str]:
    """Ratio and tier of a size; ``auto`` is a ratio here."""
    wanted = parse_size(size) if size else None
    if not isinstance(wanted, PixelSize):
        return {"aspect_ratio": "auto"} if wanted else {}
    known = _SHAPES.get((wanted.width, wanted.height))
    return known or {"aspect_ratio": aspect_ratio(wanted, list(RATIOS)), "resolution": tier(wanted, ["1k", "2k"])}
