"""What a file is, by its first bytes. Pure; never raises.

Magic numbers: PNG (W3C), JPEG (ITU T.81), WebP (RFC 9649), GIF89a, ISO/IEC 23008-12 (HEIF brands), AVIF, BMP, TIFF 6,
ISO/IEC 18181-2 (JPEG XL), ICO; SVG is text.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

_TEXT = 4096
"""Bytes in which the first tag of an SVG must begin."""
_BASE64_TEXT = 4096
_BRANDS = 256
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_SVG_TAG = re.compile(rb"<svg[\s/>]")
_BEFORE_SVG = ((b"<?", b"?>"), (b"<!--", b"-->"), (b"<!DOCTYPE svg", b">"))
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class _Format:
    name: str
    extension: str


_FORMATS = {
    "image/png": _Format("png", "png"),
    "image/jpeg": _Format("jpeg", "jpg"),
    "image/webp": _Format("webp", "webp"),
    "image/gif": _Format("gif", "gif"),
    "image/avif": _Format("avif", "avif"),
    "image/heic": _Format("heic", "heic"),
    "image/bmp": _Format("bmp", "bmp"),
    "image/tiff": _Format("tiff", "tiff"),
    "image/svg+xml": _Format("svg", "svg"),
    "image/x-icon": _Format("ico", "ico"),
    "image/jxl": _Format("jxl", "jxl"),
}
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
)


def sniff(head: bytes) -> str | None:
    """The media type of a picture that starts with ``head``; None when it is none that we know. 4 KiB are enough."""
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _heif(head)
    if head[:2] == b"BM" and head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    return "image/svg+xml" if _is_svg(head[:_TEXT]) else None


def sniff_base64(head: bytes) -> str | None:
    """The same for base64 text (either alphabet, line breaks allowed); only its first 4 KiB are decoded."""
    start = decoded_start(head, _BASE64_TEXT)
    return None if start is None else sniff(start)


def decoded_start(head: bytes, most: int) -> bytes | None:
    """The bytes behind the first ``most`` characters of base64 text that may be cut anywhere; None when it is not base64."""
    text = b"".join(head[:most].split()).translate(_TO_STANDARD)
    if len(head) > most:
        text = text[: len(text) // 4 * 4]
    else:
        text = text.rstrip(b"=")
        text = text[: len(text) - 1] if len(text) % 4 == 1 else text + b"=" * (-len(text) % 4)
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return None


def extension(media_type: str) -> str:
    """The file name extension without dot; ``bin`` for a type that ``sniff`` does not give."""
    known = _FORMATS.get(media_type)
    return known.extension if known else "bin"


def format_name(media_type: str) -> str:
    """The format as configuration and OpenAI spell it: ``png``, ``jpeg``, …; the media type itself when it is not ours."""
    known = _FORMATS.get(media_type)
    return known.name if known else media_type


def _heif(head: bytes) -> str | None:
    """ISO base media file: the major brand decides, unless it only says "some picture" and the compatible ones tell more."""
    size = min(int.from_bytes(head[:4], "big"), _BRANDS)
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size, 4))]
    if brands[0] in _AVIF_BRANDS:
        return "image/avif"
    if brands[0] in _HEIC_BRANDS:
        return "image/heic"
    if brands[0] in {b"mif1", b"msf1"}:
        return "image/avif" if _AVIF_BRANDS.intersection(brands) else "image/heic"
    return None


def _is_svg(text: bytes) -> bool:
    """Whether the first tag is ``<svg``, after XML declaration, comments and a doctype without subset."""
    text = text.removeprefix(b"\xef\xbb\xbf").lstrip()
    while True:
        closing = next((closing for opening, closing in _BEFORE_SVG if text.startswith(opening)), None)
        if closing is None:
            return _SVG_TAG.match(text) is not None
        _, found, text = text.partition(closing)
        if not found:
            return False
        text = text.lstrip()
