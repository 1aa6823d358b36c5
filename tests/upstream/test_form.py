"""Multipart bodies, read back by two parsers that are not ours."""

from __future__ import annotations

from collections.abc import Sequence
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_multipart.multipart import File, FormParser, parse_options_header

from imagegate.adapters.shape.payload import flatten
from imagegate.upstream.form import EncodedForm, FormFile, MultipartForm
from tests.support import multipart
from tests.support.held import held_image
from tests.support.pictures import jpeg, png

BINARY = bytes(range(256)) * 3 + b"\r\n--imagegate\r\n\r\n--"
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


async def encoded(form: MultipartForm, boundary: str | None = None) -> tuple[EncodedForm, bytes]:
    """The form, and its body in one piece; the announced length is checked every time."""
    made = EncodedForm(form, boundary)
    body = b"".join([chunk async for chunk in made.chunks()])
    assert made.length == len(body)
    return made, body


def read_back(content_type: str, body: bytes) -> list[tuple[str, bytes, str | None]]:
    """Parts in wire order as (name, data, filename), by python-multipart."""
    _, options = parse_options_header(content_type)
    parts: list[tuple[str, bytes, str | None]] = []

    def on_field(field: Any) -> None:
        parts.append((field.field_name.decode(), field.value or b"", None))

    def on_file(file: File) -> None:
        file.file_object.seek(0)
        assert file.field_name is not None
        assert file.file_name is not None
        parts.append((file.field_name.decode(), file.file_object.read(), file.file_name.decode()))
        file.close()

    parser = FormParser("multipart/form-data", on_field, on_file, boundary=options[b"boundary"])
    parser.write(body)
    parser.finalize()
    return parts


def as_browsers_write(name: str) -> str:
    """What a server reads when a browser writes this field name (HTML standard, multipart/form-data encoding)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


async def test_fields_come_first_then_files_in_order_with_types_and_names() -> None:
    form = MultipartForm(
        [("model", "gpt-image-2"), ("prompt", "eine Straße, 猫\r\nline two")],
        [
            FormFile("image[]", held_image(png(), "image-1.png")),
            FormFile("image[]", held_image(jpeg(), "image-2.jpg", "image/jpeg")),
            FormFile("mask", held_image(BINARY, "mask.png")),
        ],
    )
    made, body = await encoded(form)
    assert read_back(made.content_type, body) == [
        ("model", b"gpt-image-2", None),
        ("prompt", "eine Straße, 猫\r\nline two".encode(), None),
        ("image[]", png(), "image-1.png"),
        ("image[]", jpeg(), "image-2.jpg"),
        ("mask", BINARY, "mask.png"),
    ]
    parts = multipart.parse(made.content_type, body)
    assert [part.content_type for part in parts] == [None, None, "image/png", "image/jpeg", "image/png"]


async def test_the_standard_library_reads_the_same_text() -> None:
    made, body = await encoded(MultipartForm([("a", "1"), ("b", "ü")], [FormFile("image", held_image(b"abc"))]))
    message = BytesParser(policy=HTTP).parsebytes(b"content-type: " + made.content_type.encode() + b"\r\n\r\n" + body)
    assert not message.defects
    contents = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    assert contents == [b"1", "ü".encode(), b"abc"]


@pytest.mark.parametrize(
    ("fields", "files"),
    [
        ([], []),
        ([("a", "")], []),
        ([], [FormFile("image", held_image(b""))]),
        ([], [FormFile("image", held_image(b"x")), FormFile("mask", held_image(b"y"))]),
    ],
)
async def test_empty_forms_fields_and_files_are_well_formed(fields: Sequence[tuple[str, str]], files: Sequence[FormFile]) -> None:
    made, body = await encoded(MultipartForm(fields, files))
    expected = [(name, value.encode()) for name, value in fields]
    expected += [(file.field, await file.image.content.read()) for file in files]
    assert [(part.name, part.data) for part in multipart.parse(made.content_type, body)] == expected


async def test_picture_bytes_are_handed_on_as_they_are_read() -> None:
    data = BINARY * 10
    form = EncodedForm(MultipartForm([("prompt", "x")], [FormFile("image", held_image(data, piece=1000))]))
    pieces = [chunk async for chunk in form.chunks()]
    assert pieces[1:-1] == [data[start : start + 1000] for start in range(0, len(data), 1000)]


async def test_a_form_can_be_sent_again() -> None:
    form = EncodedForm(MultipartForm([("a", "1")], [FormFile("image", held_image(b"abc"))]))
    first = b"".join([chunk async for chunk in form.chunks()])
    assert b"".join([chunk async for chunk in form.chunks()]) == first


async def test_boundaries_are_random_and_need_no_quotes() -> None:
    boundaries = {EncodedForm(MultipartForm([], [])).content_type.partition("boundary=")[2] for _ in range(20)}
    assert len(boundaries) == 20
    for boundary in boundaries:
        assert len(boundary) <= 70  # RFC 2046 §5.1.1
        assert boundary.replace("-", "").isalnum()


async def test_a_boundary_of_the_callers_choice_is_used() -> None:
    made, body = await encoded(MultipartForm([("a", "b")], []), "chosen")
    assert made.content_type == "multipart/form-data; boundary=chosen"
    assert body.startswith(b"--chosen\r\n")
    assert body.endswith(b"\r\n--chosen--\r\n")


async def test_nested_values_keep_the_names_that_sdks_give_them() -> None:
    body = {"svg": {"model": "m", "reasoning": {"effort": "low"}}, "tags": ["a", 2, True], "flag": False, "none": None, "x": 1.5}
    made, text = await encoded(MultipartForm(list(flatten(body)), []))
    assert [(name, data) for name, data, _ in read_back(made.content_type, text)] == [
        ("svg[model]", b"m"),
        ("svg[reasoning][effort]", b"low"),
        ("tags[]", b"a"),
        ("tags[]", b"2"),
        ("tags[]", b"true"),
        ("flag", b"false"),
        ("x", b"1.5"),
    ]


@pytest.mark.parametrize(
    "name",
    ['x"; filename="evil.php', 'x"\r\nContent-Type: text/html\r\n\r\n<b>', "x\r\n--b\r\n", "x\ny", "ключ", "a;b=c", "\\", "x\0y"],
)
async def test_no_field_name_makes_a_header_a_file_or_a_part(name: str) -> None:
    made, body = await encoded(MultipartForm([(name, "value"), ("after", "1")], []))
    assert read_back(made.content_type, body) == [(as_browsers_write(name), b"value", None), ("after", b"1", None)]


@given(st.lists(st.tuples(NAMES, st.text(st.characters(exclude_categories=["Cs"]))), max_size=5), st.binary(max_size=200))
@settings(deadline=None, max_examples=100)
async def test_any_fields_and_bytes_come_back(fields: list[tuple[str, str]], data: bytes) -> None:
    form, body = await encoded(MultipartForm(fields, [FormFile("image", held_image(data, piece=7))]))
    parts = body.split(b"\r\n--" + form.content_type.partition("boundary=")[2].encode())
    assert len(parts) == len(fields) + 2
    assert parts[-1] == b"--\r\n"
    assert parts[-2].partition(b"\r\n\r\n")[2] == data
    for (name, value), part in zip(fields, parts, strict=False):
        head, _, content = part.partition(b"\r\n\r\n")
        assert head.endswith(f'form-data; name="{as_browsers_write(name)}"'.encode())
        assert content == value.encode()
