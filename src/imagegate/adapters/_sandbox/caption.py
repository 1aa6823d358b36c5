"""The card in the corner of a picture: the prompt, the parameters as chips, and an edit's further references."""

from __future__ import annotations

from functools import partial

from PIL import Image, ImageDraw, ImageOps

from imagegate.adapters._sandbox.layout import Box, Caption, Layout, Measures, chip_width, fit, margin
from imagegate.adapters._sandbox.lettering import Lettering, pen_on
from imagegate.adapters._sandbox.palettes import INK, PAPER, blend

_FROST_CELLS = 16
_TEXT_FILL = (*PAPER, 255)
_CHIP_FILL = (*PAPER, 215)


def draw_caption(picture: Image.Image, area: Box, caption: Caption) -> None:
    """Draw the card into an RGB or RGBA picture, at the bottom left of ``area``; nothing where there is no room to read it."""
    lettering = Lettering()
    layout = fit(lettering, area, caption)
    if layout is None:
        return
    width, height = layout.size
    corner = area.left + margin(area), area.top + area.height - margin(area) - height
    behind = picture.crop((*corner, corner[0] + width, corner[1] + height)).convert("RGB")
    card = _draw_card(lettering, layout, caption, _frosted(behind))
    picture.paste(card.convert(picture.mode), corner, rounded(card.size, layout.measures.text * 0.7))


def rounded(size: tuple[int, int], radius: float) -> Image.Image:
    """A mask with round corners and smooth edges."""
    over = 3 if size[0] * size[1] < 500_000 else 2
    mask = Image.new("L", (size[0] * over, size[1] * over))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * over, fill=255)
    return mask.reduce(over)


def _frosted(behind: Image.Image) -> Image.Image:
    """Ground glass: blurred and darkened, so that text can be read on anything."""
    width, height = behind.size
    cell = max(width, height) / _FROST_CELLS
    small = behind.resize((max(1, round(width / cell)), max(1, round(height / cell))), Image.Resampling.BOX)
    ink = Image.new("RGB", small.size, INK)
    return Image.blend(small, ink, 0.72).resize(behind.size, Image.Resampling.BICUBIC)


def _draw_card(lettering: Lettering, layout: Layout, caption: Caption, card: Image.Image) -> Image.Image:
    m = layout.measures
    pen = pen_on(card)
    x, y = m.padding, m.padding
    if layout.thumbnail_edge:
        _draw_thumbnails(card, caption.thumbnails, (x, y), layout)
        y += layout.thumbnail_edge + round(m.padding * 0.7)
    for line in layout.lines:
        lettering.draw(pen, (x, y + round(m.text * 0.95)), line, m.text, _TEXT_FILL)
        y += m.leading
    y += round(m.padding * 0.55)
    for row in layout.chips:
        for left, line in row:
            _draw_chip(card, (x + left, y), chip_width(line, m), m)
            start = x + left + round(m.chip_height * 0.4), y + round(m.chip_height * 0.68)
            lettering.draw(pen, start, line, m.chip_text, _CHIP_FILL)
        y += m.chip_height + m.gap
    return card


def _draw_chip(card: Image.Image, at: tuple[int, int], width: int, measures: Measures) -> None:
    box = (*at, at[0] + width, at[1] + measures.chip_height)
    lighter = Image.blend(card.crop(box), Image.new("RGB", (width, measures.chip_height), PAPER), 0.16)
    card.paste(lighter, at, rounded(lighter.size, measures.chip_height / 2))


def _draw_thumbnails(card: Image.Image, thumbnails: tuple[Image.Image, ...], at: tuple[int, int], layout: Layout) -> None:
    edge, gap = layout.thumbnail_edge, layout.measures.gap
    frame = Image.new("RGB", (edge, edge), blend(INK, PAPER, 0.85))
    line = max(1, edge // 40)
    inner = max(1, edge - 2 * line)
    square = partial(ImageOps.fit, size=(inner, inner))
    for number, thumbnail in enumerate(thumbnails):
        tile = frame.copy()
        tile.paste(square(thumbnail), (line, line), rounded((inner, inner), edge * 0.1))
        card.paste(tile, (at[0] + number * (edge + gap), at[1]), rounded((edge, edge), edge * 0.12))
