"""Width, height, transparency and frames, read from a picture's header without decoding it.

Pure, bounded work on any input, never raises. PNG: W3C PNG 3 (with APNG); JPEG: ITU T.81 annex B; WebP: RFC 9649 and
RFC 6386 §9.1; GIF: GIF89a.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_MAX_CHUNKS = 4096
"""Chunks or segments that are walked; pictures have a few dozen before their pixels."""
_PNG_COLOUR_TYPES = frozenset({0, 2, 3, 4, 6})
_PNG_WITH_ALPHA = frozenset({4, 6})
_JPEG_NOT_FRAMES = frozenset({0xC4, 0xC8, 0xCC})
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9
_WEBP_ALPHA, _WEBP_ANIMATION = 0x10, 0x02


@dataclass(frozen=True, slots=True)
class Dimensions:
    """``width`` and ``height`` in pixels, both positive. ``has_alpha`` and ``frames``: None when these bytes do not tell."""

    width: int
    height: int
    has_alpha: bool | None
    frames: int | None


def dimensions(head: bytes) -> Dimensions | None:
    """What the header says. None when it is damaged, longer than ``head``, or of another format; more bytes may help."""
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            found = _png(head)
        elif head.startswith(b"\xff\xd8\xff"):
            found = _jpeg(head)
        elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            found = _webp(head)
        elif head[:6] in {b"GIF87a", b"GIF89a"}:
            found = _gif(head)
        else:
            return None
    except (struct.error, IndexError):
        return None
    return found if found and found.width > 0 and found.height > 0 else None


def _png(head: bytes) -> Dimensions | None:
    length, kind, width, height, _, colour_type = struct.unpack_from(">I4sIIBB", head, 8)
    if length != 13 or kind != b"IHDR" or colour_type not in _PNG_COLOUR_TYPES or max(width, height) >= 2**31:
        return None
    has_alpha: bool | None = True if colour_type in _PNG_WITH_ALPHA else None
    frames: int | None = None
    for kind, at in _png_chunks(head):
        if kind == b"tRNS":
            has_alpha = True
        elif kind == b"acTL":
            frames = max(1, struct.unpack_from(">I", head, at)[0])
        elif kind == b"IDAT":
            return Dimensions(width, height, bool(has_alpha), frames or 1)
    return Dimensions(width, height, has_alpha, frames)


def _png_chunks(head: bytes) -> Iterator[tuple[bytes, int]]:
    """Kind and data offset of each chunk after IHDR that begins within ``head``."""
    at = 33
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(head):
            return
        length, kind = struct.unpack_from(">I4s", head, at)
        yield kind, at + 8
        at += 12 + length


def _jpeg(head: bytes) -> Dimensions | None:
    at = 2
    for _ in range(_MAX_CHUNKS):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_ALONE:
            at += 2
        elif marker in {_JPEG_SCAN, _JPEG_END}:
            return None
        elif 0xC0 <= marker <= 0xCF and marker not in _JPEG_NOT_FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return Dimensions(width, height, has_alpha=False, frames=1)
        else:
            length = struct.unpack_from(">H", head, at + 2)[0]
            if length < 2:
                return None
            at += 2 + length
    return None


def _gif(head: bytes) -> Dimensions:
    width, height = struct.unpack_from("<HH", head, 6)
    return Dimensions(width, height, has_alpha=None, frames=None)


def _webp(head: bytes) -> Dimensions | None:
    match head[12:16]:
        case b"VP8 ":
            return _webp_lossy(head)
        case b"VP8L":
            return _webp_lossless(head)
        case b"VP8X":
            return _webp_extended(head)
        case _:
            return None


def _webp_lossy(head: bytes) -> Dimensions | None:
    frame_tag, start_code, width, height = struct.unpack_from("<B2x3sHH", head, 20)
    if frame_tag & 1 or start_code != b"\x9d\x01\x2a":
        return None
    return Dimensions(width & 0x3FFF, height & 0x3FFF, has_alpha=False, frames=1)


def _webp_lossless(head: bytes) -> Dimensions | None:
    signature, bits = struct.unpack_from("<BI", head, 20)
    if signature != 0x2F or bits >> 29:
        return None
    return Dimensions((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, has_alpha=bool(bits >> 28 & 1), frames=1)


def _webp_extended(head: bytes) -> Dimensions:
    flags, low_width, high_width, low_height, high_height = struct.unpack_from("<B3xHBHB", head, 20)
    frames = _webp_frames(head) if flags & _WEBP_ANIMATION else 1
    width, height = (high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1
    return Dimensions(width, height, has_alpha=bool(flags & _WEBP_ALPHA), frames=frames)


def _webp_frames(head: bytes) -> int | None:
    """How many ``ANMF`` chunks there are; None when the file goes on behind ``head``."""
    end = 8 + int(struct.unpack_from("<I", head, 4)[0])
    at, frames = 30, 0
    for _ in range(_MAX_CHUNKS):
        if at >= end:
            return max(1, frames)
        kind, length = struct.unpack_from("<4sI", head, at) if at + 8 <= len(head) else (b"", None)
        if length is None:
            return None
        frames += kind == b"ANMF"
        at += 8 + length + (length & 1)
    return None
