from __future__ import annotations

import asyncio
import hashlib
import os
import random
import tracemalloc
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.api.openai.multipart import FilePart, FormLimits, TextReference, read_form
from imagegate.errors import InvalidRequest, LimitExceeded, RequestError, TooLarge, UnsupportedMedia
from imagegate.media.spool import SpoolBudget, Spools
from tests.api.openai.forms import DEFAULTS, GIB, MIB, Meaning, Source, meaning, read, read_parts, refused_parts, split
from tests.api.openai.shapes import JPEG, MASK, PNG, SHAPES, URL, Shape, encode, file, text
from tests.media.spooling import open_files
from tests.support import pictures


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@pytest.mark.parametrize("step", [1, 7, 65_536])
async def test_every_client_is_understood(shape: Shape, step: int) -> None:
    async with Spools(SpoolBudget(GIB)) as spools:
        form = await read_form(Source(split(shape.body, step)).stream(), shape.content_type, DEFAULTS, spools)
        assert await meaning(form) == (dict(shape.fields), list(shape.parts))


@settings(max_examples=60, deadline=None)
@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 2**32))
async def test_the_network_may_cut_a_body_anywhere(shape: Shape, seed: int) -> None:
    noise = random.Random(seed)
    body = shape.body
    cuts = sorted(noise.randrange(len(body)) for _ in range(noise.randrange(30)))
    chunks = [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert await read(chunks, shape.boundary) == (dict(shape.fields), list(shape.parts))


@settings(max_examples=60, deadline=None)
@given(
    datas=st.lists(
        st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b"--", b"-", b"--B", b"\r\n--", b"B", b"\x00", b"data"]), max_size=12),
        min_size=1,
        max_size=4,
    ),
    step=st.integers(1, 40),
)
async def test_data_that_looks_like_a_boundary(datas: list[list[bytes]], step: int) -> None:
    expected = [b"\x89PNG\r\n\x1a\n" + b"".join(pieces) for pieces in datas]
    boundary = "B-B"
    body = encode(boundary, [file("image[]", "x", data) for data in expected])
    assert await read(split(body, step), boundary) == ({}, [("image", data) for data in expected])


@settings(max_examples=40, deadline=None)
@given(shape=st.sampled_from(SHAPES), order=st.randoms(use_true_random=False))
async def test_the_order_of_the_parts_is_free(shape: Shape, order: random.Random) -> None:
    wire = list(shape.wire)
    order.shuffle(wire)
    fields, parts = await read([encode(shape.boundary, wire)], shape.boundary)
    assert {name: value for name, value in fields.items() if isinstance(value, str)} == {
        name: value for name, value in shape.fields.items() if isinstance(value, str)
    }
    assert fields.keys() == shape.fields.keys()
    assert sorted(parts, key=repr) == sorted(shape.parts, key=repr)


async def test_pictures_keep_their_order_and_names_are_the_callers(tmp_path: Path) -> None:
    names = ["../../etc/passwd", "/etc/passwd", "a\x00b", "x" * 5000, "\u202egnp.exe", "CON", ";rm -rf /", "C:\\\\boot.ini"]
    pngs = [pictures.png((number + 1, 1)) for number in range(len(names))]
    wire = [file("image[]", name, data) for name, data in zip(names, pngs, strict=True)]
    async with Spools(SpoolBudget(GIB), tmp_path) as spools:
        form = await read_form(Source([encode("B", wire)]).stream(), "multipart/form-data; boundary=B", DEFAULTS, spools)
        assert [await part.spool.read() for part in form.parts if isinstance(part, FilePart)] == pngs
        assert next(part.filename for part in form.parts if isinstance(part, FilePart)) == names[0]
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["", "null", "None", "undefined", " \n"])
async def test_a_picture_that_is_nothing_is_absent(value: str) -> None:
    assert await read_parts(text("mask", value), file("image", "x", PNG)) == ({}, [("image", PNG)])


@pytest.mark.parametrize(
    "value", [URL, pictures.data_url(PNG), "iVBORw0KGgo=", "https://example.com/kätzchen.png", "x" * 100_000]
)
async def test_text_under_a_picture_name_is_a_reference(value: str) -> None:
    assert await read_parts(text("image[]", value), text("mask", value)) == ({}, [("image", value), ("mask", value)])


@pytest.mark.parametrize(
    "data", [PNG, JPEG, b"<svg/>", b"\x00\x01\x02", b"text" * 20_000 + b"\xff"], ids=lambda data: repr(data[:8])
)
async def test_bytes_under_a_picture_name_need_no_file_name(data: bytes) -> None:
    assert await read_parts(file("image", None, data)) == ({}, [("image", data)])


async def test_text_with_a_file_name_is_a_file() -> None:
    assert await read_parts(file("image", "upload", b"Example data", None)) == ({}, [("image", b"Example data")])


async def test_text_references_leave_no_spool_behind(tmp_path: Path) -> None:
    budget = SpoolBudget(GIB)
    body = encode("B", [text("image", "x" * 3 * MIB)])
    async with Spools(budget, tmp_path) as spools:
        form = await read_form(Source(split(body)).stream(), "multipart/form-data; boundary=B", DEFAULTS, spools)
        assert form.parts == [TextReference("image", "x" * 3 * MIB)]
        assert (budget.reserved, open_files(tmp_path)) == (0, 0)


async def test_text_references_are_limited() -> None:
    limits = FormLimits(max_reference_bytes=1000, max_references_bytes=2500)
    error = await refused_parts(text("image", "x" * 1001), limits=limits)
    assert (error.code, error.param) == ("image_url_too_long", "image[0]")
    error = await refused_parts(*[text("image", "x" * 900)] * 3, limits=limits)
    assert (error.code, error.param, error.http_status) == ("images_too_large", "image[2]", 413)
    assert len((await read_parts(*[text("image", "x" * 800)] * 3, limits=limits))[1]) == 3


async def test_one_picture_too_many() -> None:
    limits = FormLimits(max_images=2)
    wire = [file("image[]", "x", PNG), text("image[]", URL), file("image[]", "", b""), file("mask", "x", MASK)]
    assert len((await read_parts(*wire, limits=limits))[1]) == 3
    error = await refused_parts(*wire, file("image[]", "x", PNG), limits=limits)
    assert (error.code, error.param, error.http_status) == ("too_many_images", "image", 400)


@pytest.mark.parametrize("field", ["image", "mask"])
async def test_one_byte_too_many(field: str) -> None:
    limits = FormLimits(max_image_bytes=len(PNG))
    assert await read_parts(file(field, "x", PNG), limits=limits)
    error = await refused_parts(file(field, "x", PNG + b"\x00"), limits=limits)
    assert isinstance(error, TooLarge)
    assert (error.code, error.param) == ("image_too_large", "image[0]" if field == "image" else "mask")


@pytest.mark.parametrize("field", ["mask", "markup"])
async def test_a_second_mask(field: str) -> None:
    once: Meaning = ({}, [(field, MASK)])
    assert await read_parts(file(field, "x", MASK), file(f"{field}[]", "y", MASK), file(field, "", b"")) == once
    error = await refused_parts(file(field, "x", MASK), file(field, "x", PNG))
    assert (error.code, error.param) == ("duplicate_parameter", field)
    assert await read_parts(text(field, URL), text(field, URL)) == ({}, [(field, URL)])
    assert (await refused_parts(text(field, URL), file(field, "x", PNG))).code == "duplicate_parameter"


async def test_the_same_mask_again_takes_no_room() -> None:
    budget = SpoolBudget(GIB)
    async with Spools(budget) as spools:
        body = encode("B", [file("mask", "x", MASK), file("mask", "x", MASK)])
        await read_form(Source([body]).stream(), "multipart/form-data; boundary=B", DEFAULTS, spools)
        assert budget.reserved == len(MASK)


@pytest.mark.parametrize("name", ["file", "images[][url]", "image[a]", "imagex", "mask_1", "prompt"])
async def test_a_file_where_none_belongs(name: str) -> None:
    error = await refused_parts(file(name, "x", PNG))
    assert (error.code, error.param, error.http_status) == ("unknown_file_field", name, 400)
    assert "image[]" in error.message
    assert await read_parts(file(name, "", b"")) == ({}, [])


async def test_text_fields_are_limited() -> None:
    prompt = "ä" * 100_000
    assert (await read_parts(text("prompt", prompt)))[0] == {"prompt": prompt}
    error = await refused_parts(text("prompt", "x" * (MIB + 1)))
    assert (error.code, error.param, error.http_status) == ("field_too_large", "prompt", 413)
    error = await refused_parts(*[text(f"a{number}", "x" * MIB) for number in range(9)])
    assert (error.code, error.http_status) == ("request_too_large", 413)
    assert len((await read_parts(*[text(f"a{number}", "x") for number in range(100)]))[0]) == 100
    assert (await refused_parts(*[text("a", "x")] * 101)).code == "too_many_fields"
    assert (await refused_parts(*[file("image", "", b"")] * 65)).code == "too_many_files"


async def test_text_must_be_utf_8() -> None:
    error = await refused_parts(("Content-Disposition: form-data; name=prompt", b"caf\xe9"))
    assert (error.code, error.param) == ("invalid_encoding", "prompt")


async def test_two_values_for_one_field() -> None:
    error = await refused_parts(text("n", "1"), text("n", "2"))
    assert (error.code, error.param) == ("duplicate_parameter", "n")


async def test_another_content_type() -> None:
    async with Spools(SpoolBudget(GIB)) as spools:
        source = Source([b"prompt=x"])
        with pytest.raises(UnsupportedMedia):
            await read_form(source.stream(), "application/x-www-form-urlencoded", DEFAULTS, spools)
        assert source.read == 0


@pytest.mark.parametrize(
    ("content_length", "limit", "code", "status"),
    [
        (10_000, 9_999, "upload_capacity", 413),
        (10_000, 15_000, "upload_capacity", 429),
        (None, 15_000, "upload_capacity", 429),
        (10 * GIB, 100 * GIB, "request_too_large", 413),
        (-1, GIB, "invalid_content_length", 400),
    ],
)
async def test_room_is_held_before_anything_is_read(content_length: int | None, limit: int, code: str, status: int) -> None:
    budget = SpoolBudget(limit)
    budget.reserve(5_001)
    async with Spools(budget) as spools:
        source = Source([b"--B"])
        with pytest.raises(RequestError) as error:
            await read_form(source.stream(), "multipart/form-data; boundary=B", DEFAULTS, spools, content_length=content_length)
        assert (error.value.code, error.value.http_status, source.read) == (code, status, 0)
    assert budget.reserved == 5_001


async def test_room_that_was_not_needed_is_given_back_when_the_body_is_there() -> None:
    budget = SpoolBudget(100_000)
    async with Spools(budget) as spools:
        body = encode("B", [file("image", "x", PNG), text("prompt", "x" * 5000)])

        async def watched() -> AsyncGenerator[bytes]:
            assert budget.reserved == len(body)
            yield body

        await read_form(watched(), "multipart/form-data; boundary=B", DEFAULTS, spools, content_length=len(body))
        assert budget.reserved == len(PNG)
    assert budget.reserved == 0


async def test_a_body_longer_than_all_limits_together() -> None:
    limits = FormLimits(max_images=1, max_image_bytes=2 * MIB, max_fields_bytes=1)
    mask = file("mask", "x", bytes(2 * MIB))
    assert await read_parts(*[mask] * 3, limits=limits)
    error = await refused_parts(*[mask] * 5, limits=limits)
    assert (error.code, error.http_status) == ("request_too_large", 413)


async def test_four_large_pictures_need_little_memory_and_leave_nothing(tmp_path: Path) -> None:
    size, block = 8 * MIB, os.urandom(65_536)
    head = b"\x89PNG\r\n\x1a\n"
    parts = [file("image[]", "x", head)] * 4

    def chunks() -> Iterator[bytes]:
        for headers, data in parts:
            yield f"--B\r\n{headers}\r\n\r\n".encode() + data
            for _ in range(size // len(block)):
                yield block
            yield b"\r\n"
        yield encode("B", [text("prompt", "x")])

    budget = SpoolBudget(GIB)
    tracemalloc.start()
    try:
        async with Spools(budget, tmp_path) as spools:
            form = await read_form(Source(chunks()).stream(), "multipart/form-data; boundary=B", DEFAULTS, spools)
            peak = tracemalloc.get_traced_memory()[1]
            assert (len(form.parts), open_files(tmp_path), budget.reserved) == (4, 4, 4 * (size + len(head)))
            digest = hashlib.sha256(head + block * (size // len(block))).hexdigest()
            assert {await part.spool.sha256() for part in form.parts if isinstance(part, FilePart)} == {digest}
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB
    assert (open_files(tmp_path), budget.reserved) == (0, 0)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
async def test_a_client_that_goes_away_leaves_nothing(tmp_path: Path, share: float) -> None:
    body = encode("B", [file("image[]", "x", os.urandom(MIB)), file("image[]", "x", os.urandom(MIB))])
    budget = SpoolBudget(GIB)
    stopped = asyncio.Event()

    async def stalling() -> AsyncGenerator[bytes]:
        for chunk in split(body[: int(len(body) * share)]):
            yield chunk
        stopped.set()
        await asyncio.sleep(60)

    async def upload() -> None:
        async with Spools(budget, tmp_path) as spools:
            await read_form(stalling(), "multipart/form-data; boundary=B", DEFAULTS, spools, content_length=len(body))

    task = asyncio.create_task(upload())
    await asyncio.wait_for(stopped.wait(), 5)
    assert budget.reserved == len(body)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (open_files(tmp_path), list(tmp_path.iterdir()), budget.reserved) == (0, [], 0)


async def test_the_source_is_closed_when_the_form_is_refused() -> None:
    source = Source([b"--C\r\n", b"more"])
    async with Spools(SpoolBudget(GIB)) as spools:
        with pytest.raises(InvalidRequest):
            await read_form(source.stream(), "multipart/form-data; boundary=B", DEFAULTS, spools)
    assert (source.closed, source.read) == (True, 5)


async def test_a_budget_that_ends_in_the_middle() -> None:
    body = encode("B", [file("image", "x", os.urandom(50_000))])
    budget = SpoolBudget(40_000)
    async with Spools(budget) as spools:
        with pytest.raises(LimitExceeded):
            await read_form(Source(split(body, 1000)).stream(), "multipart/form-data; boundary=B", DEFAULTS, spools)
    assert budget.reserved == 0
