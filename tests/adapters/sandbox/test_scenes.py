from __future__ import annotations

from itertools import pairwise

import pytest
from PIL import Image

from imagegate.adapters._sandbox.brush import Look
from imagegate.adapters._sandbox.scenes import paint_scene


def edges(picture: Image.Image) -> int:
    """How much changes from pixel to pixel."""
    data = picture.convert("L").tobytes()
    return sum(abs(a - b) > 12 for a, b in pairwise(data))


@pytest.mark.parametrize("size", [(16, 16), (64, 64), (300, 16), (16, 300), (17, 33)])
@pytest.mark.parametrize("seed", range(6))
def test_any_size_is_drawn_and_repeats(size: tuple[int, int], seed: int) -> None:
    picture = paint_scene(size, Look(seed, 5))
    assert (picture.size, picture.mode) == (size, "RGB")
    assert picture.tobytes() == paint_scene(size, Look(seed, 5)).tobytes()
    assert len(picture.getcolors(size[0] * size[1]) or []) > 3


def test_seeds_differ() -> None:
    assert len({paint_scene((48, 48), Look(seed, 2)).tobytes() for seed in range(12)}) == 12


@pytest.mark.parametrize("seed", [2, 4, 8], ids=["landscape", "tiles", "planets"])
def test_more_detail_is_more_to_see(seed: int) -> None:
    seen = [edges(paint_scene((256, 256), Look(seed, detail))) for detail in (1, 3, 5)]
    assert seen[0] * 1.15 < seen[1] and seen[1] * 1.05 < seen[2]


@pytest.mark.parametrize("seed", [2, 4, 8], ids=["landscape", "tiles", "planets"])
def test_phases_move_and_close_the_loop(seed: int) -> None:
    start, later, end = (paint_scene((96, 96), Look(seed, 2, phase)) for phase in (0.0, 0.25, 1.0))
    assert start.tobytes() != later.tobytes()
    drift = sum(abs(a - b) > 8 for a, b in zip(start.tobytes(), end.tobytes(), strict=True))
    assert drift < len(start.tobytes()) * 0.01


def test_vivid_is_more_colourful() -> None:
    plain, vivid = (paint_scene((64, 64), Look(2, 2, 0.0, vivid)).convert("HSV").getchannel("S") for vivid in (False, True))
    assert sum(vivid.tobytes()) > sum(plain.tobytes()) * 1.1
