"""Pictures that are none, too large or not allowed, and forms that are damaged or hold too much."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

import pytest

from tests.api.bad_requests import (
    BOUNDARY,
    EDITS,
    FORM,
    IMAGE_LIMIT,
    MIB,
    MODEL,
    ROOM,
    TEXTS,
    VARIATIONS,
    Lab,
    Parts,
    check_shape,
)
from tests.api.openai import shapes
from tests.support import pictures

PNG = shapes.PNG
SIGNATURE = b"\x89PNG\r\n\x1a\n"
IMAGE = shapes.file("image", "a.png", PNG)


def header(width: int, height: int) -> bytes:
    """The beginning of a PNG that claims this size."""
    return SIGNATURE + struct.pack(">I4sIIBBBBB4x", 13, b"IHDR", width, height, 8, 6, 0, 0, 0) + b"\0\0\0\0IDAT"


NOT_TAKEN: dict[str, tuple[bytes, str, str]] = {
    "text": (b"hello " * 100, "unsupported_image", "no picture that we know"),
    "html": (b"<!doctype html><script>alert(1)</script>", "unsupported_image", "no picture"),
    "svg": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "unsupported_image", "is svg"),
    "gif": (pictures.gif(), "unsupported_image", "is gif"),
    "tiff": (b"II*\x00" + bytes(200), "unsupported_image", "is tiff"),
    "bmp": (b"BM" + bytes(12) + struct.pack("<I", 40) + bytes(40), "unsupported_image", "is bmp"),
    "a zip file": (b"PK\x03\x04" + bytes(100), "unsupported_image", "no picture"),
    "a pdf": (b"%PDF-1.7\n" + bytes(100), "unsupported_image", "no picture"),
    "noise": (random.Random(1).randbytes(5000), "unsupported_image", "no picture"),
    "zeros": (bytes(5000), "unsupported_image", "no picture"),
    "a signature alone": (SIGNATURE, "invalid_image_file", "damaged"),
    "half a header": (header(8, 8)[:20], "invalid_image_file", "damaged"),
    "a jpeg without a frame": (b"\xff\xd8\xff\xd9", "invalid_image_file", "damaged"),
    "a webp without a picture": (b"RIFF\x04\0\0\0WEBP", "invalid_image_file", "damaged"),
    "no width": (header(0, 8), "invalid_image_file", "damaged"),
    "2.5 gigapixels": (header(50_000, 50_000), "image_too_many_pixels", "50000x50000"),
    "as wide as can be": (header(2**31 - 1, 1), "image_too_many_pixels", "2147483647x1"),
}


@pytest.mark.parametrize("model", [MODEL, "sandbox"])
@pytest.mark.parametrize(("data", "code", "says"), NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_files_that_are_no_picture_we_take(lab: Lab, data: bytes, code: str, says: str, model: str) -> None:
    texts = [shapes.text("model", model), shapes.text("prompt", "a cat")]
    answer = lab.post_form([*texts, shapes.file("image", "cat.png", data)])
    lab.refused(answer, 400, code, "image[0]", says=says)


def test_the_error_names_the_picture_by_its_place(lab: Lab) -> None:
    good, bad = shapes.file("image[]", "a.png", PNG), shapes.file("image[]", "b.png", b"hello")
    lab.refused(lab.post_form([*TEXTS, good, good, bad]), 400, "unsupported_image", "image[2]")


@pytest.mark.parametrize("name", ["image", "image[]", "image[0]", "images", "image_1"])
@pytest.mark.parametrize("data", [b"", b"null"])
def test_an_edit_needs_a_picture(lab: Lab, name: str, data: bytes) -> None:
    empty = shapes.file(name, None if data else "", data)
    answer = lab.post_form([*TEXTS, empty])
    lab.refused(answer, 400, "missing_required_parameter", "image", says="at least one image")


def test_without_any_picture_or_with_a_mask_alone(lab: Lab) -> None:
    for parts in (TEXTS, [*TEXTS, shapes.file("mask", "m.png", shapes.MASK)], [*TEXTS, shapes.file("markup", "m.png", PNG)]):
        lab.refused(lab.post_form(parts), 400, "missing_required_parameter", "image")
    lab.refused(lab.post_form([shapes.text("model", MODEL)], VARIATIONS), 400, "missing_required_parameter", "image")


def test_17_pictures(lab: Lab) -> None:
    answer = lab.post_form([*TEXTS, *[shapes.file("image[]", "a.png", PNG)] * 17])
    lab.refused(answer, 400, "too_many_images", "image", says="at most 16")


@pytest.mark.parametrize("field", ["image", "mask"])
def test_one_byte_more_than_a_picture_may_have(lab: Lab, field: str) -> None:
    parts = [*TEXTS, shapes.file(field, "a.png", header(8, 8).ljust(IMAGE_LIMIT + 1, b"\0"))]
    lab.refused(lab.post_form(parts), 413, "image_too_large", "image[0]" if field == "image" else "mask", says="1 MiB")


def test_more_than_the_server_has_room_for(lab: Lab) -> None:
    pieces = [*TEXTS, *[shapes.file("image[]", "a.png", header(8, 8).ljust(MIB, b"\0"))] * 16]
    body = shapes.encode(BOUNDARY, pieces)
    assert len(body) > ROOM
    lab.refused(lab.send("POST", EDITS, body, FORM), 413, "upload_capacity", says="room")


def test_a_form_longer_than_all_limits_together_is_refused_unread(lab: Lab) -> None:
    head = f"POST {EDITS} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: {10**12}\r\n"
    key = f"Authorization: {lab.gateway.authorization['Authorization']}\r\n\r\n"
    lab.refused(lab.raw((head + key).encode()), 413, "request_too_large")


MASKS: dict[str, tuple[bytes, str, str]] = {
    "of other dimensions": (pictures.mask((16, 16)), "invalid_mask_dimensions", "16x16 pixels and the first picture 8x8"),
    "a jpeg": (pictures.jpeg((8, 8)), "invalid_mask", "is jpeg"),
    "a webp": (pictures.webp((8, 8), alpha=0), "invalid_mask", "is webp"),
    "without transparency": (pictures.png((8, 8)), "invalid_mask", "no transparency"),
    "no picture": (b"hello" * 9, "unsupported_image", "no picture"),
    "a gif": (pictures.gif((8, 8)), "unsupported_image", "is gif"),
}


@pytest.mark.parametrize("model", [MODEL, "sandbox"])
@pytest.mark.parametrize(("data", "code", "says"), MASKS.values(), ids=MASKS)
def test_masks(lab: Lab, data: bytes, code: str, says: str, model: str) -> None:
    texts = [shapes.text("model", model), shapes.text("prompt", "a cat")]
    lab.refused(lab.post_form([*texts, IMAGE, shapes.file("mask", "m.png", data)]), 400, code, "mask", says=says)


WRONG_FIELDS: dict[str, tuple[Parts, str, str | None]] = {
    "a file under an unknown name": ([shapes.file("attachment", "a.png", PNG)], "unknown_file_field", "attachment"),
    "a file as prompt": ([shapes.file("prompt", "p.txt", b"a cat", "text/plain")], "unknown_file_field", "prompt"),
    "a file as model": ([shapes.file("model", "m.txt", b"x", "text/plain")], "unknown_file_field", "model"),
    "one name with two values": ([shapes.text("n", "1"), shapes.text("n", "2")], "duplicate_parameter", "n"),
    "two prompts": ([shapes.text("prompt", "a dog")], "duplicate_parameter", "prompt"),
    "two masks": (
        [shapes.file("mask", "m.png", shapes.MASK), shapes.file("mask", "n.png", pictures.mask((8, 8), (0, 0, 1, 1)))],
        "duplicate_parameter",
        "mask",
    ),
    "a text and an object": ([shapes.text("svg", "x"), shapes.text("svg[a]", "y")], "duplicate_parameter", "svg[a]"),
    "six levels of names": ([shapes.text("a[b][c][d][e][f]", "x")], "invalid_field_name", "a[b][c][d][e][f]"),
    "not utf-8": ([('Content-Disposition: form-data; name="user"', b"\xff\xfe")], "invalid_encoding", "user"),
    "101 fields": ([shapes.text(f"field{number}", "x") for number in range(101)], "too_many_fields", None),
    "65 files": ([shapes.file("image[]", "", b"")] * 65, "too_many_files", None),
    "a part without a name": ([("Content-Disposition: form-data", b"x")], "invalid_multipart", None),
    "a part without a disposition": ([("Content-Type: text/plain", b"x")], "invalid_multipart", None),
    "an attachment": ([('Content-Disposition: attachment; name="n"', b"1")], "invalid_multipart", None),
    "a name without end": ([shapes.text("x" * 300, "1")], "invalid_multipart", None),
    "17 headers": ([shapes.text("n", "1", *[f"X-{number}: y" for number in range(17)])], "invalid_multipart", None),
    "a header of 9 KiB": ([shapes.text("n", "1", "X-Long: " + "y" * 9 * 1024)], "invalid_multipart", None),
}


@pytest.mark.parametrize(("parts", "code", "param"), WRONG_FIELDS.values(), ids=WRONG_FIELDS)
def test_forms_with_wrong_fields(lab: Lab, parts: Parts, code: str, param: str | None) -> None:
    lab.refused(lab.post_form([*TEXTS, IMAGE, *parts]), 400, code, param)


def test_a_field_of_one_mebibyte_and_one_byte(lab: Lab) -> None:
    answer = lab.post_form([*TEXTS, IMAGE, shapes.text("user", "x" * (MIB + 1))])
    lab.refused(answer, 413, "field_too_large", "user", says=str(MIB))


def test_fields_of_eight_mebibytes_together(lab: Lab) -> None:
    answer = lab.post_form([*TEXTS, *[shapes.text(f"f{number}", "x" * MIB) for number in range(9)]])
    lab.refused(answer, 413, "request_too_large", says=str(8 * MIB))


GOOD = shapes.encode(BOUNDARY, [*TEXTS, IMAGE])
DAMAGED: dict[str, bytes] = {
    "nothing": b"",
    "cut in the last boundary": GOOD[:-8],
    "cut in the picture": GOOD[:-60],
    "cut in a header": GOOD[:40],
    "another boundary": GOOD.replace(BOUNDARY.encode(), b"another"),
    "a byte before the first boundary is missing": GOOD[1:],
    "json": b'{"prompt": "a cat"}',
    "noise": random.Random(2).randbytes(20_000),
    "padding without end": b"\r\n" * 100_000 + GOOD,
    "an epilogue without end": GOOD + b"x" * 200_000,
    "dashes without end": f"--{BOUNDARY}".encode() + b"-" * 200_000,
    "boundaries without end": f"--{BOUNDARY}\r\n".encode() * 5000,
}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED)
def test_damaged_forms(lab: Lab, body: bytes, chunked: bool) -> None:
    answer = lab.send("POST", EDITS, in_pieces(body) if chunked else body, FORM)
    lab.refused(answer, 400, "invalid_multipart")


def in_pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 7001):
        yield body[start : start + 7001]


BOUNDARIES = ["", "; boundary=", '; boundary=""', "; boundary=" + "x" * 201, "; charset=utf-8", "; boundary", ";" * 100]


@pytest.mark.parametrize("rest", BOUNDARIES, ids=lambda rest: rest[:20])
def test_a_form_needs_a_boundary(lab: Lab, rest: str) -> None:
    answer = lab.send("POST", EDITS, GOOD, {"Content-Type": f"multipart/form-data{rest}"})
    lab.refused(answer, 400, "invalid_multipart")


def test_an_edit_that_fails_late_keeps_no_room(lab: Lab) -> None:
    """Large uploads for a model that nobody serves, more than there is room for if any were kept."""
    picture = shapes.file("image", "a.png", pictures.noise_png(IMAGE_LIMIT * 9 // 10))
    texts = [shapes.text("model", "nobody-serves-this"), shapes.text("prompt", "a cat")]
    for _ in range(ROOM // IMAGE_LIMIT + 4):
        answer = lab.post_form([*texts, picture])
        assert answer.status == 404, answer
    lab.refused(answer, 404, "model_not_found", "model")


WHOLE = {"png": pictures.noise_png(200_000), "webp": pictures.webp((300, 300)), "jpeg": pictures.jpeg((300, 300))}


@pytest.mark.parametrize("missing", [4, 1000, 100_000])
@pytest.mark.parametrize("model", [MODEL, "sandbox"])
def test_a_png_that_ends_too_early_reaches_nobody(lab: Lab, model: str, missing: int) -> None:
    texts = [shapes.text("model", model), shapes.text("prompt", "a cat")]
    answer = lab.post_form([*texts, IMAGE, shapes.file("image", "b.png", WHOLE["png"][:-missing])])
    lab.refused(answer, 400, "invalid_image_file", "image[1]", says="end is missing")


def test_a_webp_that_ends_too_early_reaches_nobody(lab: Lab) -> None:
    answer = lab.post_form([*TEXTS, shapes.file("image", "a.webp", WHOLE["webp"][:-2])])
    lab.refused(answer, 400, "invalid_image_file", "image[0]", says="end is missing")


@pytest.mark.parametrize("model", [MODEL, "sandbox"])
def test_a_cut_jpeg_is_the_decoders_business_and_still_a_400(lab: Lab, model: str) -> None:
    texts = [shapes.text("model", model), shapes.text("prompt", "a cat"), shapes.text("size", "64x64")]
    answer = lab.post_form([*texts, shapes.file("image", "a.jpg", WHOLE["jpeg"][: len(WHOLE["jpeg"]) // 2])])
    check_shape(answer, 400)
    assert (answer.json["error"]["code"], answer.json["error"]["param"]) == ("invalid_image_file", "image")
