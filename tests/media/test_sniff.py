from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegate.media.sniff import extension, format_name, sniff, sniff_base64
from tests.support import pictures

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
HEADS = {
    "png": (pictures.png(), "image/png"),
    "jpeg": (pictures.jpeg(), "image/jpeg"),
    "webp": (pictures.webp(), "image/webp"),
    "gif": (pictures.gif(), "image/gif"),
    "gif87": (b"GIF87a\x01\x00\x01\x00", "image/gif"),
    "avif": (b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00avifmif1miafMA1B", "image/avif"),
    "avif sequence": (b"\x00\x00\x00\x1cftypavis\x00\x00\x00\x00avismsf1", "image/avif"),
    "avif under a general brand": (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avif", "image/avif"),
    "heic": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "image/heic"),
    "heic under a general brand": (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "image/heic"),
    "bmp": (b"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", "image/bmp"),
    "tiff little": (b"II*\x00\x08\x00\x00\x00", "image/tiff"),
    "tiff big": (b"MM\x00*\x00\x00\x00\x08", "image/tiff"),
    "ico": (b"\x00\x00\x01\x00\x01\x00\x10\x10", "image/x-icon"),
    "jxl codestream": (b"\xff\x0a\xfa\x7f", "image/jxl"),
    "jxl container": (b"\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x14ftypjxl ", "image/jxl"),
    "svg": (SVG, "image/svg+xml"),
    "svg, bare tag": (b"<svg>", "image/svg+xml"),
    "svg after a byte order mark": (b"\xef\xbb\xbf  \n" + SVG, "image/svg+xml"),
    "svg after everything": (
        b'<?xml version="1.0"?>\n<!-- a -->\n<!-- b -->\n<!DOCTYPE svg PUBLIC "x" "y">\n' + SVG,
        "image/svg+xml",
    ),
}
OTHERS = {
    "nothing": b"",
    "text": b"Example data",
    "html": b"<!DOCTYPE html><svg>",
    "html after a comment": b"<!-- <svg> --><html><svg></html>",
    "xml": b"<?xml version='1.0'?><svgish/>",
    "endless comment": b"<!-- <svg>",
    "pdf": b"%PDF-1.7",
    "mp4": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
    "wave": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "text that begins like a bitmap": b"BMW is a company in Munich, and this is no picture.",
    "psd": b"8BPS\x00\x01",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0",
    "cut": b"\x89PNG\r\n\x1a",
    "zip": b"PK\x03\x04",
}


@pytest.mark.parametrize("name", HEADS)
def test_knows_a_picture_by_its_first_bytes(name: str) -> None:
    head, media_type = HEADS[name]
    assert sniff(head) == media_type


@pytest.mark.parametrize("name", OTHERS)
def test_knows_nothing_else(name: str) -> None:
    assert sniff(OTHERS[name]) is None
    assert sniff_base64(base64.b64encode(OTHERS[name])) is None


@pytest.mark.parametrize("name", HEADS)
def test_base64_of_a_picture(name: str) -> None:
    head, media_type = HEADS[name]
    text = base64.b64encode(head)
    assert sniff_base64(text) == media_type
    assert sniff_base64(base64.urlsafe_b64encode(head).rstrip(b"=")) == media_type
    assert sniff_base64(base64.encodebytes(head)) == media_type
    assert sniff_base64(base64.b64encode(head.ljust(100_000, b"\x00"))) == media_type


def test_base64_that_is_cut_anywhere() -> None:
    text = base64.b64encode(pictures.png())
    assert {sniff_base64(text[:length]) for length in range(16, len(text))} == {"image/png"}


def test_plain_bytes_are_not_base64_of_a_picture() -> None:
    assert sniff_base64(pictures.png()) is None
    assert sniff_base64(b"not base64, is it?") is None


@given(st.binary(max_size=64), st.sampled_from([head for head, _ in HEADS.values()]))
def test_never_raises(noise: bytes, head: bytes) -> None:
    for data in (noise, head + noise, head[: len(noise)], head[: len(noise) // 2] + noise):
        sniff(data)
        sniff_base64(data)


@pytest.mark.parametrize("unit", [b"<!-- -->", b"<?x?>", b"<!DOCTYPE svg>", b"<!--", b" ", b"<?"])
def test_hostile_markup_costs_little(unit: bytes) -> None:
    started = time.process_time()
    assert sniff(unit * 100_000) is None
    assert time.process_time() - started < 0.1


def test_names_of_a_format() -> None:
    assert [extension(kind) for kind in ("image/png", "image/jpeg", "image/svg+xml", "text/html")] == ["png", "jpg", "svg", "bin"]
    assert [format_name(kind) for kind in ("image/jpeg", "image/svg+xml", "image/x-icon", "text/html")] == [
        "jpeg",
        "svg",
        "ico",
        "text/html",
    ]


def test_every_type_that_is_known_has_an_extension_of_its_own() -> None:
    types = {media_type for _, media_type in HEADS.values()}
    assert len({extension(media_type) for media_type in types}) == len(types) == 11
    assert "bin" not in {extension(media_type) for media_type in types}
