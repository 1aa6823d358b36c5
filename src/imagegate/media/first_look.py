"""What the first bytes of an arriving picture tell: its format, and its size where they reach that far. Pure; never raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imagegate.media.dimensions import dimensions
from imagegate.media.sniff import decoded_start, format_name, sniff

_STARTS = (64, 4_096, 65_536)
"""Characters or bytes that are looked at, one after the other until they tell: most pictures tell all in the first.

An SVG may begin with a declaration, and a JPEG has its size behind tables or a certificate of its origin.
"""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """``format``: as OpenAI spells it. ``size``: ``WxH`` in pixels; None where these bytes do not tell it."""

    format: str
    size: str | None


def first_look(head: bytes, encoding: Literal["base64", "raw"]) -> FirstLook | None:
    """None when it is no picture that we know. PNG, WebP and GIF tell their size in 48 bytes, most JPEGs in 700."""
    look: FirstLook | None = None
    for most in _STARTS:
        start = decoded_start(head, most) if encoding == "base64" else head[:most]
        media_type = sniff(start) if start else None
        found = dimensions(start) if start and media_type else None
        if media_type:
            look = FirstLook(format_name(media_type), f"{found.width}x{found.height}" if found else None)
        if found or len(head) <= most or media_type not in {None, "image/jpeg"}:
            break
    return look
