from __future__ import annotations

import time
from typing import Any

import pytest

from imagegate.api.openai.reference_forms import MAX_IMAGE_URL, InlineBase64, Reference, WebUrl, parse_reference
from imagegate.errors import InvalidRequest

URL = "https://pictures.test/cat.png?size=big"


@pytest.mark.parametrize(
    "value",
    [
        URL,
        f"  {URL}\n",
        {"image_url": URL},
        {"image_url": {"url": URL}},
        {"url": URL},
        {"image_url": URL, "file_id": None},
        {"url": URL, "image_url": None, "b64_json": None},
    ],
)
def test_every_form_of_a_url(value: Any) -> None:
    assert parse_reference(Reference(value, "images[0]")) == WebUrl(URL)


@pytest.mark.parametrize("url", ["http://pictures.test/a", "HTTPS://pictures.test/a"])
def test_http_schemes_in_any_case(url: str) -> None:
    assert parse_reference(Reference(url, "mask")) == WebUrl(url)


@pytest.mark.parametrize(
    ("value", "start"),
    [
        ("QUJD", 0),
        ({"image_url": "QUJD"}, 0),
        ({"b64_json": "QUJD"}, 0),
        ("data:image/png;base64,QUJD", 22),
        ({"image_url": "data:image/png;base64,QUJD"}, 22),
        ({"image_url": {"url": "data:image/png;base64,QUJD"}}, 22),
        ({"b64_json": "data:image/png;base64,QUJD"}, 22),
        ("DATA:Image/JPEG;name=a.jpg;Base64,QUJD", 34),
    ],
)
def test_every_form_of_inline_data(value: Any, start: int) -> None:
    source = parse_reference(Reference(value, "images[0]"))
    assert isinstance(source, InlineBase64)
    assert (source.text[source.start :], source.start) == ("QUJD", start)


BAD: list[tuple[Any, str]] = [
    (None, "invalid_image_reference"),
    (7, "invalid_image_reference"),
    (["QUJD"], "invalid_image_reference"),
    (b"QUJD", "invalid_image_reference"),
    ("", "invalid_image_reference"),
    ("  \n", "invalid_image_reference"),
    ({}, "invalid_image_reference"),
    ({"image_url": None}, "invalid_image_reference"),
    ({"image_url": ""}, "invalid_image_reference"),
    ({"image_url": {}}, "invalid_image_reference"),
    ({"image_url": {"url": None}}, "invalid_image_reference"),
    ({"image_url": [URL]}, "invalid_image_reference"),
    ({"url": {"url": URL}}, "invalid_image_reference"),
    ({"b64_json": 1}, "invalid_image_reference"),
    ({"image_url": URL, "file_id": "file-1"}, "invalid_image_reference"),
    ({"image_url": URL, "url": URL}, "invalid_image_reference"),
    ({"image_url": URL, "b64_json": "QUJD"}, "invalid_image_reference"),
    ({"file_id": "file-1"}, "file_id_not_supported"),
    ({"file_id": 3}, "file_id_not_supported"),
    ("file:///etc/passwd", "invalid_image_url"),
    ("ftp://pictures.test/a.png", "invalid_image_url"),
    ("gopher://x", "invalid_image_url"),
    ("HTTP+UNIX://x", "invalid_image_url"),
    ("s3://bucket/key", "invalid_image_url"),
    ("localhost:8080/a.png", "invalid_image_url"),
    ("blob:https://pictures.test/1", "invalid_image_url"),
    ("data:", "invalid_image_url"),
    ("data:image/png;base64", "invalid_image_url"),
    ("data:image/png" + ";a=b" * 500 + ";base64,QUJD", "invalid_image_url"),
    ("data:image/png,QUJD", "invalid_image_url"),
    ("data:image/png;base64;x=y,QUJD", "invalid_image_url"),
    ("data:,", "unsupported_image"),
    ("data:,QUJD", "unsupported_image"),
    ("data:;base64,QUJD", "unsupported_image"),
    ("data:text/html;base64,QUJD", "unsupported_image"),
    ("data:image/svg+xml;base64,QUJD", "unsupported_image"),
    ("data:image/SVG+XML,%3Csvg%3E", "unsupported_image"),
    ("data:image/png;base64,", "invalid_base64"),
    ("http://pictures.test/" + "a" * 9000, "image_url_too_long"),
    ("A" * (MAX_IMAGE_URL + 1), "image_url_too_long"),
    ({"image_url": "data:image/png;base64," + "A" * (MAX_IMAGE_URL - 21)}, "image_url_too_long"),
]


@pytest.mark.parametrize(("value", "code"), BAD, ids=[f"{code}-{number}" for number, (_, code) in enumerate(BAD)])
def test_bad_references_are_refused_with_code_and_place(value: Any, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_reference(Reference(value, "images[2]"))
    assert (caught.value.code, caught.value.param) == (code, "images[2]")
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"image_url": URL, "detail": "high"}, "images[2].detail"),
        ({"filename": "x"}, "images[2].filename"),
        ({"image_url": {"url": URL, "detail": "high"}}, "images[2].image_url.detail"),
        ({"image_url": URL, "\x1b[31m\n" * 50: 1}, "images[2]." + "??31m?" * 6 + "??31"),
    ],
)
def test_unknown_fields_are_named(value: Any, place: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_reference(Reference(value, "images[2]"))
    assert (caught.value.code, caught.value.param) == ("unknown_parameter", place)
    assert place in caught.value.message


def test_the_longest_allowed_text_is_read_without_being_copied() -> None:
    head = "data:image/png;base64,"
    text = head + "A" * (MAX_IMAGE_URL - len(head))
    began = time.thread_time()
    source = parse_reference(Reference(text, "images[0]"))
    assert time.thread_time() - began < 0.005
    assert isinstance(source, InlineBase64)
    assert source.text is text


def test_base64_of_a_picture_may_be_longer_than_a_url() -> None:
    assert isinstance(parse_reference(Reference({"b64_json": "A" * (MAX_IMAGE_URL + 4)}, "images[0]")), InlineBase64)
