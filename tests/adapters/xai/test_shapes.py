"""A size as a ratio and a tier."""

from __future__ import annotations

import pytest

from imagegate.adapters._xai.shapes import RATIOS, TIERS, shape
from imagegate.catalog.loader import Catalog

CATALOG = Catalog.load()


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, {}),
        ("auto", {"aspect_ratio": "auto"}),
        ("1280x896", {"aspect_ratio": "4:3", "resolution": "1k"}),
        ("1296x864", {"aspect_ratio": "3:2", "resolution": "1k"}),
        ("1152x2496", {"aspect_ratio": "9:19.5", "resolution": "2k"}),
        ("1920x1080", {"aspect_ratio": "16:9", "resolution": "2k"}),
    ],
)
def test_sizes(size: str | None, words: dict[str, str]) -> None:
    assert shape(size) == words


@pytest.mark.parametrize("model", [*CATALOG.models("xai"), "grok-of-tomorrow"])
def test_every_size_of_the_catalog_is_exactly_a_ratio_and_a_tier(model: str) -> None:
    for width, height in CATALOG.capabilities("xai", model).sizes.fixed:
        words = shape(f"{width}x{height}")
        edges, times = RATIOS[words["aspect_ratio"]], TIERS[words["resolution"]]
        assert (width, height) == (edges[0] * times, edges[1] * times)


def test_only_the_newest_model_has_the_tier_between() -> None:
    assert (1536, 1536) in CATALOG.capabilities("xai", "grok-imagine-image-2.0").sizes.fixed
    assert (1536, 1536) not in CATALOG.capabilities("xai", "grok-imagine-image").sizes.fixed
