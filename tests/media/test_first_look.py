from __future__ import annotations

import base64
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegate.media.first_look import FirstLook, first_look
from tests.support import pictures

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>'
MADE = {
    "png": pictures.png((300, 200)),
    "webp": pictures.webp((300, 200)),
    "gif": pictures.gif((300, 200), frames=2),
    "jpeg": pictures.jpeg((300, 200)),
}


def looked(data: bytes, characters: int) -> list[FirstLook | None]:
    """At the beginning as it is, and as base64."""
    encodings: tuple[Literal["raw", "base64"], ...] = ("raw", "base64")
    texts = data[: characters * 3 // 4], base64.b64encode(data)[:characters]
    return [first_look(text, encoding) for text, encoding in zip(texts, encodings, strict=True)]


@pytest.mark.parametrize("kind", ["png", "webp", "gif"])
def test_64_characters_tell_format_and_size(kind: str) -> None:
    assert looked(MADE[kind], 64) == [FirstLook(kind, "300x200")] * 2


def test_a_jpeg_tells_its_size_in_the_first_kilobyte() -> None:
    assert looked(MADE["jpeg"], 64) == [FirstLook("jpeg", None)] * 2
    assert looked(MADE["jpeg"], 1024) == [FirstLook("jpeg", "300x200")] * 2


@pytest.mark.parametrize(("certificate", "size"), [(20_000, "300x200"), (65_000, None)])
def test_a_jpeg_with_a_certificate_before_its_size(certificate: int, size: str | None) -> None:
    segment = b"\xff\xeb" + (certificate + 2).to_bytes(2, "big") + bytes(certificate)
    data = MADE["jpeg"][:2] + segment + MADE["jpeg"][2:] + bytes(100_000)
    assert looked(data, len(data))[1] == FirstLook("jpeg", size)


def test_a_drawing_has_a_format_and_no_size() -> None:
    assert looked(SVG, 4096) == [FirstLook("svg", None)] * 2


@pytest.mark.parametrize("text", [b"", b"<html>", b"\xff\xfe\xfd", b"iVBOR=w0KGgo", base64.b64encode(b"Example data")])
def test_what_is_no_picture(text: bytes) -> None:
    assert first_look(text, "base64") is None
    assert first_look(text, "raw") is None


@given(st.binary(max_size=200))
def test_never_raises(rest: bytes) -> None:
    for start in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"GIF89a", b""):
        first_look(start + rest, "raw")
        first_look(base64.b64encode(start) + rest, "base64")
