"""From a plan to a picture: a generation, or an edit of a canvas."""

from __future__ import annotations

import math
from collections.abc import Iterator

from PIL import Image, ImageChops, ImageDraw, ImageOps

from imagegate.adapters._sandbox.brush import Look, dice
from imagegate.adapters._sandbox.caption import draw_caption
from imagegate.adapters._sandbox.layout import Box, Caption
from imagegate.adapters._sandbox.palettes import PAPER, brightness, pick
from imagegate.adapters._sandbox.plan import GENERATED_SIZE, Plan
from imagegate.adapters._sandbox.references import Canvas, on_white
from imagegate.adapters._sandbox.regions import largest_rectangle
from imagegate.adapters._sandbox.scenes import paint_scene

_RESTYLE = 0.34
_FAITHFUL_RESTYLE = 0.16
_CUT_OUT_EDGE = 1024
_GRADIENT_EDGE = 178
"""What Pillow's radial gradient has in the middle of its edges; 0 is in its centre."""


def paint(plan: Plan, index: int, canvas: Canvas | None, frame: int = 0) -> Image.Image:
    """Picture ``index`` of a request, RGB, or RGBA when one can see through it. ``canvas``: an edit's."""
    look = Look(plan.seed + index, plan.detail, frame / plan.frames, plan.vivid)
    caption = Caption(plan.prompt, tuple(_chips(plan, index, canvas, frame)), canvas.others if canvas else ())
    if canvas is None:
        return _generated(plan, look, caption)
    if canvas.hole is None:
        return _restyled(plan, look, caption, canvas)
    return _repainted(plan, look, caption, canvas, canvas.hole)


def _generated(plan: Plan, look: Look, caption: Caption) -> Image.Image:
    picture = paint_scene(plan.size or GENERATED_SIZE, look)
    if plan.transparent:
        picture = _cut_out(picture, look.seed)
    draw_caption(picture, Box(0, 0, *picture.size), caption)
    return picture


def _restyled(plan: Plan, look: Look, caption: Caption, canvas: Canvas) -> Image.Image:
    """The reference in the colours of a palette, with lights; gently, so that it stays what it was."""
    original = _opaque(plan, canvas.picture)
    palette = pick(dice("edit", look.seed), look.vivid)
    colours = original.convert("RGB")
    toned = ImageOps.colorize(ImageOps.autocontrast(colours.convert("L")), palette.near, palette.light, palette.far)
    picture = Image.blend(colours, toned, _FAITHFUL_RESTYLE if plan.faithful else _RESTYLE)
    _sprinkle(picture, look)
    if canvas.markup is not None:
        picture.paste(canvas.markup, mask=canvas.markup.getchannel("A"))
    if original.mode == "RGBA":
        picture.putalpha(original.getchannel("A"))
    if plan.transparent:
        picture = _cut_out(picture, look.seed)
    draw_caption(picture, Box(0, 0, *picture.size), caption)
    return picture


def _repainted(plan: Plan, look: Look, caption: Caption, canvas: Canvas, hole: Image.Image) -> Image.Image:
    """The reference, untouched but for the hole; the caption is put where it fits into the hole."""
    picture = _opaque(plan, canvas.picture).copy()
    bounds = hole.getbbox()
    if bounds is None:
        return picture
    left, top, right, bottom = bounds
    patch = paint_scene((right - left, bottom - top), look)
    if canvas.markup is not None:
        marks = canvas.markup.crop(bounds)
        patch.paste(marks, mask=marks.getchannel("A"))
    if plan.transparent:
        patch = _cut_out(patch, look.seed)
        picture = picture.convert("RGBA")
    patch_hole = hole.crop(bounds)
    room = largest_rectangle(patch_hole)
    draw_caption(patch, room, Caption(caption.prompt, caption.chips, caption.thumbnails, share=0.9))
    picture.paste(patch.convert(picture.mode), (left, top), patch_hole)
    return picture


def _opaque(plan: Plan, picture: Image.Image) -> Image.Image:
    """A reference that one can see through stays so, unless the caller wants an opaque picture."""
    return on_white(picture) if plan.background == "opaque" else picture


def _sprinkle(picture: Image.Image, look: Look) -> None:
    """Soft lights, more with more detail; an animation makes them breathe."""
    random = dice("lights", look.seed)
    palette = pick(random, look.vivid)
    colours = [colour for colour in (palette.light, palette.low, palette.accent, PAPER) if brightness(colour) > 140]
    short = min(picture.size)
    breath = 1 + 0.18 * math.sin(2 * math.pi * look.phase)
    for _ in range(4 * look.detail):
        radius = max(2, round(short * random.uniform(0.03, 0.1) * breath))
        x, y = random.uniform(0, picture.width), random.uniform(0, picture.height)
        colour = random.choice(colours)
        light = _light(radius, random.uniform(0.45, 0.85))
        picture.paste(colour, (round(x) - radius, round(y) - radius), light)


def _light(radius: int, strength: float) -> Image.Image:
    """A soft round mask; ``strength`` 0 to 1 is that of its middle."""
    levels = [round(255 * strength * max(0.0, 1 - distance / _GRADIENT_EDGE)) for distance in range(256)]
    return Image.radial_gradient("L").resize((2 * radius, 2 * radius)).point(levels)


def _cut_out(picture: Image.Image, seed: int) -> Image.Image:
    """RGBA: the picture in the shape of a sticker with a paper border; around it nothing at all."""
    outer, inner = _sticker(picture.size, seed, 0.97), _sticker(picture.size, seed, 0.945)
    shape = outer if picture.mode == "RGB" else ImageChops.multiply(outer, picture.getchannel("A"))
    sticker = Image.composite(picture.convert("RGB"), Image.new("RGB", picture.size, PAPER), inner)
    sticker.putalpha(shape)
    return sticker


def _sticker(size: tuple[int, int], seed: int, share: float) -> Image.Image:
    """A rounded, slightly wavy shape as L. The border between ``share`` and 1 is equally wide on all sides."""
    random = dice("sticker", seed)
    scale = min(2.0, _CUT_OUT_EDGE * 2 / max(size))
    width, height = (max(1, round(edge * scale)) for edge in size)
    waves = [(cycles, random.uniform(0, 2 * math.pi)) for cycles in (3, 5)]
    inset = (1 - share) * min(width, height)
    points = []
    for step in range(360):
        angle = math.radians(step)
        wobble = 0.98 + 0.01 * sum(math.sin(cycles * angle + start) for cycles, start in waves)
        x, y = (math.copysign(abs(way) ** 0.6, way) * wobble for way in (math.cos(angle), math.sin(angle)))
        points.append((width / 2 + x * (width / 2 - inset), height / 2 + y * (height / 2 - inset)))
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).polygon(points, fill=255)
    return mask.resize(size, Image.Resampling.BILINEAR)


def _chips(plan: Plan, index: int, canvas: Canvas | None, frame: int) -> Iterator[str]:
    width, height = plan.size or GENERATED_SIZE
    yield plan.model
    yield f"{width} x {height}"
    yield f"quality {plan.quality}"
    yield plan.output_format
    yield f"background {plan.background}"
    yield f"image {index + 1} of {plan.n}"
    if plan.frames > 1:
        yield f"frame {frame + 1} of {plan.frames}"
    yield f"seed {plan.seed + index}"
    if canvas is not None:
        count = len(canvas.sizes)
        yield "edit of 1 image" if count == 1 else f"edit of {count} images"
        yield from (word for word, there in (("mask", canvas.hole), ("markup", canvas.markup)) if there is not None)
    yield from plan.notes
