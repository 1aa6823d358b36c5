from __future__ import annotations

import pytest
from PIL import Image

from imagegate.adapters._sandbox.layout import Box, Caption, Layout, fit
from imagegate.adapters._sandbox.lettering import Lettering

CHIPS = ("sandbox", "1024 x 1024", "quality high", "png", "seed 1")


def laid_out(width: int, height: int, caption: Caption) -> Layout | None:
    return fit(Lettering(), Box(0, 0, width, height), caption)


def certain(layout: Layout | None) -> Layout:
    assert layout is not None
    return layout


def test_everything_is_shown_where_there_is_room() -> None:
    layout = certain(laid_out(1024, 1024, Caption("A fox", CHIPS)))
    assert layout.complete
    assert sum(map(len, layout.chips)) == len(CHIPS)


def test_long_prompts_are_written_smaller_and_then_cut() -> None:
    short = certain(laid_out(1024, 1024, Caption("A fox", CHIPS)))
    long = certain(laid_out(1024, 1024, Caption("A fox in the snow. " * 40, CHIPS)))
    endless = certain(laid_out(1024, 1024, Caption("A fox in the snow. " * 1600, CHIPS)))
    assert short.measures.text > long.measures.text
    assert long.complete
    assert not endless.complete
    assert endless.lines[-1].pieces[-1][1] == "…"


@pytest.mark.parametrize("size", [(16, 16), (30, 300), (10, 10), (300, 12)])
def test_no_card_where_nobody_could_read_it(size: tuple[int, int]) -> None:
    assert laid_out(*size, Caption("A fox", CHIPS)) is None


@pytest.mark.parametrize("size", [(64, 64), (128, 96), (256, 2048), (2048, 256), (1024, 1024), (4096, 4096)])
@pytest.mark.parametrize("prompt", ["", "fox", "A fox in the snow. " * 60, "w" * 900, "中" * 500])
@pytest.mark.parametrize("count", [0, 15])
def test_the_card_stays_inside_its_area(size: tuple[int, int], prompt: str, count: int) -> None:
    caption = Caption(prompt, CHIPS, (Image.new("RGB", (9, 9)),) * count)
    layout = certain(laid_out(*size, caption))
    width, height = layout.size
    assert width <= size[0] - 6
    assert height <= size[1] * caption.share + 1
    assert layout.lines
