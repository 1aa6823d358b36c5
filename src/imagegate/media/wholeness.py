"""Whether a picture's file ends too early, by its container alone. Nothing is decoded.

Only what is certain counts: WebP says its length at the beginning (RFC 9649), PNG ends with an IEND chunk (W3C PNG 3 §11.2.5).
A JPEG without its end marker can still be shown, so it passes.
"""

from __future__ import annotations

from imagegate.media.spool import Spool

_PNG_END = b"IEND\xaeB`\x82"
"""The last chunk's type and check sum, always the same."""
_TAIL = 4096


async def is_cut_off(content: Spool, media_type: str) -> bool:
    """Whether bytes are missing at the end of a finished spool."""
    if media_type == "image/webp":
        return content.size < 8 + int.from_bytes(content.head[4:8], "little")
    return media_type == "image/png" and not await _has_png_end(content)


async def _has_png_end(content: Spool) -> bool:
    """At the very end, or, in the rare file with something behind the picture, anywhere."""
    if _PNG_END in await content.ending(_TAIL):
        return True
    carry = b""
    async for piece in content.chunks():
        window = carry + piece
        if _PNG_END in window:
            return True
        carry = window[-len(_PNG_END) :]
    return False
