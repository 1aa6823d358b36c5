"""Pictures of the size that was asked for, quick to make: plain colours, kept."""

from __future__ import annotations

from functools import lru_cache

from tests.support import pictures

_COLOURS: tuple[pictures.Colour, ...] = ((200, 30, 30), (30, 160, 60), (40, 60, 200), (220, 180, 20), (120, 40, 160))


@lru_cache(maxsize=64)
def drawn(size: str, number: int = 0, kind: pictures.Format = "png", alpha: int | None = None) -> bytes:
    """Picture ``number`` from 0, each in another colour. ``size``: ``WxH``."""
    width, height = (int(edge) for edge in size.split("x"))
    return pictures.picture(kind, (width, height), _COLOURS[number % len(_COLOURS)], alpha)
