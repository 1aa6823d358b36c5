"""Pixels that families of models make of an aspect ratio, wherever they are hosted, and the ratio that keeps a picture's shape.

Simulators reckon sizes with these and never with the gateway's own code, so that a wrong mapping shows. Sources: replicate's
cog-flux (FLUX.1), diffusers' FluxKontextPipeline (Kontext), runware.ai/docs (FLUX 1.1 ultra), Google's pages on Gemini image
models and Imagen 4, BytePlus ModelArk (Seedream), Qwen-Image's model card, Ideogram's API reference, MiniMax' image-01.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping

from tests.support import pictures

Table = Mapping[str, str]
"""Ratio, with a colon, to ``WxH``."""


def both(*landscape: tuple[str, str], square: str = "1024x1024") -> Table:
    """A table of landscape ratios, their portraits, and the square."""
    turned = [(":".join(reversed(ratio.split(":"))), "x".join(reversed(size.split("x")))) for ratio, size in landscape]
    return dict([("1:1", square), *landscape, *turned])


def times(table: Table, factor: float) -> Table:
    """The same ratios with longer edges."""
    return {ratio: "x".join(str(round(int(edge) * factor)) for edge in size.split("x")) for ratio, size in table.items()}


FLUX_1 = both(
    ("16:9", "1344x768"),
    ("3:2", "1216x832"),
    ("4:3", "1152x896"),
    ("5:4", "1088x896"),
    ("21:9", "1536x640"),
    ("16:10", "1280x800"),
)
ULTRA = both(
    ("16:9", "2752x1536"),
    ("3:2", "2496x1664"),
    ("4:3", "2368x1792"),
    ("5:4", "2304x1856"),
    ("21:9", "3136x1344"),
    square="2048x2048",
)
NANO_2_5 = both(("16:9", "1344x768"), ("3:2", "1248x832"), ("4:3", "1184x864"), ("5:4", "1152x896"), ("21:9", "1536x672"))
NANO_3 = both(("16:9", "1376x768"), ("3:2", "1264x848"), ("4:3", "1200x896"), ("5:4", "1152x928"), ("21:9", "1584x672"))
IMAGEN = both(("16:9", "1408x768"), ("4:3", "1280x896"))
SEEDREAM: Mapping[str, Table] = {
    "1K": both(("16:9", "1312x736"), ("3:2", "1248x832"), ("4:3", "1152x864"), ("21:9", "1568x672")),
    "2K": both(("16:9", "2848x1600"), ("3:2", "2496x1664"), ("4:3", "2304x1728"), ("21:9", "3136x1344"), square="2048x2048"),
    "3K": both(("16:9", "4096x2304"), ("3:2", "3744x2496"), ("4:3", "3456x2592"), ("21:9", "4704x2016"), square="3072x3072"),
    "4K": both(("16:9", "5504x3040"), ("3:2", "4992x3328"), ("4:3", "4704x3520"), ("21:9", "6240x2656"), square="4096x4096"),
}
QWEN = both(("16:9", "1664x928"), ("3:2", "1584x1056"), ("4:3", "1472x1104"), square="1328x1328")
IDEOGRAM_3 = both(("16:9", "1312x736"), ("16:10", "1280x800"), ("3:2", "1248x832"), ("4:3", "1152x864"), ("5:4", "1120x896"))
MINIMAX = both(("16:9", "1280x720"), ("3:2", "1248x832"), ("4:3", "1152x864"), ("21:9", "1344x576"))
_KONTEXT = ("672x1568", "688x1504", "720x1456", "752x1392", "800x1328", "832x1248", "880x1184", "944x1104")
KONTEXT_SHAPES = ("1024x1024", *_KONTEXT, *("x".join(reversed(size.split("x"))) for size in _KONTEXT))
"""What FLUX.1 Kontext makes: of any ratio the nearest of these, about a megapixel."""


def nearest(shapes: Iterable[str], like: str) -> str:
    """Of ``W:H`` or ``WxH`` the one that has most nearly the shape of another such."""
    return min(shapes, key=lambda shape: abs(math.log(_shape(shape) / _shape(like))))


def about(like: str, area: int, step: int) -> str:
    """``WxH`` with this shape and about this many pixels, in steps."""
    edges = area**0.5 * _shape(like) ** 0.5, area**0.5 / _shape(like) ** 0.5
    return "x".join(str(round(edge / step) * step) for edge in edges)


def size_of(picture: str) -> str:
    """``WxH`` of a picture in base64, or in a data url."""
    width, height = pictures.look(base64.b64decode(picture.rpartition(",")[2], validate=True)).size
    return f"{width}x{height}"


def _shape(word: str) -> float:
    width, height = word.replace("x", ":").split(":")
    return float(width) / float(height)


_WORDS = ("1:1", "16:9", "9:16", "3:2", "2:3", "4:3", "3:4", "5:4", "4:5", "21:9", "9:21", "2:1", "1:2")
KONTEXT = {ratio: nearest(KONTEXT_SHAPES, ratio) for ratio in _WORDS}
"""The ratios that hosts of FLUX.1 Kontext have a word for."""
