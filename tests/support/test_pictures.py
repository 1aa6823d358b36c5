from __future__ import annotations

import itertools

import pytest

from tests.support import pictures


def test_kinds() -> None:
    assert pictures.look(pictures.png((20, 10))) == ("png", (20, 10), "RGB")
    assert pictures.look(pictures.png(alpha=0)) == ("png", (16, 16), "RGBA")
    assert pictures.look(pictures.jpeg()) == ("jpeg", (16, 16), "RGB")
    assert pictures.look(pictures.webp(alpha=9)) == ("webp", (16, 16), "RGBA")
    assert pictures.look(pictures.gif(frames=2)).format == "gif"


def test_pixels_and_mask() -> None:
    assert pictures.pixel(pictures.png(colour=(1, 2, 3), alpha=4), (0, 0)) == (1, 2, 3, 4)
    hole = pictures.mask((16, 16))
    assert pictures.look(hole).mode == "RGBA"
    assert [pictures.pixel(hole, at)[3] for at in [(0, 0), (8, 8), (12, 8)]] == [255, 0, 255]


@pytest.mark.parametrize("size", [50_000, 3_000_000])
def test_noise_is_a_real_picture_of_the_size_asked_for(size: int) -> None:
    data = pictures.noise_png(size)
    assert abs(len(data) - size) < size / 100 and pictures.look(data).mode == "RGB"
    assert data == pictures.noise_png(size) and data != pictures.noise_png(size, seed=2)


def test_the_same_in_every_run() -> None:
    for first, second in itertools.pairwise([pictures.webp(), pictures.webp(), pictures.webp()]):
        assert first == second
    assert pictures.data_url(b"abc") == "data:image/png;base64,YWJj"


def test_a_cut_picture_is_none() -> None:
    with pytest.raises(OSError, match="truncated"):
        pictures.look(pictures.noise_png(50_000)[:-30_000])
