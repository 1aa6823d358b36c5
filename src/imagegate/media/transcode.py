"""One still picture in another file format. Decodes what strangers made: run it in a process of its own (``convert``).

What a viewer sees stays: transparency lies on white where the format has none (JPEG), a turned photograph (EXIF orientation) is
turned in its pixels, a colour profile stays when it fits the new pixels. EXIF and XMP stay, in which pictures are marked as
generated; C2PA manifests do not survive a change of the bytes that they sign.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

QUALITY = 95
"""Of JPEG and WebP when nobody said; above it JPEGs grow and look the same."""
_FULL_COLOUR = 90
"""Quality from which a JPEG keeps the colour of every pixel, so that red letters have sharp edges."""
_PLUGINS = (PngImagePlugin, JpegImagePlugin, WebPImagePlugin, GifImagePlugin, BmpImagePlugin, AvifImagePlugin)
"""Imported here, so that Pillow does not import all that it has when it meets the first WebP."""
_READ = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF")
_LEVEL = 3
"""zlib's, for PNG: about half the time of the usual 6, up to 15 per cent more bytes."""
_MOST_METADATA = 60_000
"""Bytes of EXIF or XMP that are kept; a JPEG segment holds 65,533."""
_BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, RuntimeError, AssertionError),
    *(AttributeError, struct.error, zlib.error, Image.DecompressionBombError, Warning),
)
"""What Pillow raises for files that are damaged, cut or hostile; warnings, where they are errors."""
_PROFILE_SPACES = {"RGB": b"RGB ", "RGBA": b"RGB ", "L": b"GRAY", "LA": b"GRAY", "I;16": b"GRAY"}
"""The colour space that a profile names in its header (ICC.1:2022 §7.2), by Pillow's mode."""


class Unconvertible(Exception):
    """Not a picture that can be converted. The message ends a sentence and holds nothing of the file."""


def transcode(data: bytes, output_format: str, compression: int | None, max_pixels: int) -> bytes:
    """The picture as ``png``, ``jpeg`` or ``webp``. Raises Unconvertible for what is damaged, moves or is too large."""
    try:
        with Image.open(io.BytesIO(data), formats=_READ) as opened:
            if opened.width * opened.height > max_pixels:
                raise Unconvertible(f"has more than {max_pixels} pixels")
            if opened.format != "MPO" and getattr(opened, "n_frames", 1) > 1:
                raise Unconvertible("is an animation")
            opened.load()
            ImageOps.exif_transpose(opened, in_place=True)
            return _saved(_fitting(opened, output_format), output_format, compression, opened.info)
    except _BROKEN as error:
        raise Unconvertible("cannot be read") from error


def _fitting(picture: Image.Image, output_format: str) -> Image.Image:
    """The picture in a mode that the format has."""
    if picture.mode in {"I", "I;16", "I;16L", "I;16B"}:
        if output_format == "png" and picture.mode == "I;16":
            return picture
        return _fitting(picture.convert("I").point(_to_eight_bits).convert("L"), output_format)
    if picture.has_transparency_data:
        clear = _in_mode(picture, "RGBA")
        return _on_white(clear) if output_format == "jpeg" else clear
    grey = picture.mode in {"1", "L"} and output_format != "webp"
    return _in_mode(picture, "L" if grey else "RGB")


def _in_mode(picture: Image.Image, mode: str) -> Image.Image:
    return picture if picture.mode == mode else picture.convert(mode)  # which would copy it


def _to_eight_bits(value: Any) -> Any:
    return value * (1 / 256)  # Pillow asks with a symbol, and takes what is linear


def _on_white(picture: Image.Image) -> Image.Image:
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def _saved(picture: Image.Image, output_format: str, compression: int | None, info: dict[Any, Any]) -> bytes:
    quality = QUALITY if compression is None else compression
    kept = _metadata(picture, info)
    target = io.BytesIO()
    if output_format == "jpeg":
        sampling = {"subsampling": 0} if quality >= _FULL_COLOUR else {}
        picture.save(target, "JPEG", quality=max(quality, 1), **sampling, **kept)
    elif output_format == "webp":
        picture.save(target, "WEBP", quality=quality, **kept)
    else:
        if xmp := kept.pop("xmp", None):
            kept["pnginfo"] = PngImagePlugin.PngInfo()
            kept["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp)
        picture.save(target, "PNG", compress_level=_LEVEL, **kept)
    return target.getvalue()


def _metadata(picture: Image.Image, info: dict[Any, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"icc_profile": None}  # None also keeps Pillow from taking the old one itself
    profile = info.get("icc_profile")
    if isinstance(profile, bytes) and profile[16:20] == _PROFILE_SPACES.get(picture.mode):
        kept["icc_profile"] = profile
    exif = info.get("exif")
    if isinstance(exif, bytes) and len(exif) <= _MOST_METADATA:
        kept["exif"] = exif
    xmp = info.get("xmp", info.get("XML:com.adobe.xmp"))
    if isinstance(xmp, (bytes, str)) and len(xmp) <= _MOST_METADATA:
        kept["xmp"] = xmp.encode() if isinstance(xmp, str) else xmp
    return kept
