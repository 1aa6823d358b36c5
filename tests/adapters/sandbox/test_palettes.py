from __future__ import annotations

from random import Random

from imagegate.adapters._sandbox.palettes import blend, brightness, pick


def test_every_palette_has_light_and_shadow() -> None:
    palettes = {pick(Random(seed)) for seed in range(200)}
    assert len(palettes) >= 8
    assert all(brightness(palette.light) - brightness(palette.near) > 100 for palette in palettes)


def test_blending() -> None:
    assert blend((0, 0, 0), (100, 200, 50), 0.5) == (50, 100, 25)
