from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagegate.api.openai.form_limits import FormLimits
from imagegate.api.openai.form_parts import PartStart
from imagegate.api.openai.form_pictures import FilePart, Pictures, PictureSink, TextReference, picture_field
from imagegate.errors import InvalidRequest, TooLarge
from imagegate.media.spool import SpoolBudget, Spools
from tests.media.spooling import spooled

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
async def spools(tmp_path: Path) -> AsyncIterator[Spools]:
    async with Spools(SpoolBudget(10**9), tmp_path) as opened:
        yield opened


async def sent(pictures: Pictures, data: bytes, field: str = "image", filename: str | None = None, step: int = 3) -> None:
    sink = PictureSink(pictures, field, PartStart(field, filename))
    for start in range(0, len(data), step):
        await sink.write(data[start : start + step])
    await sink.end()


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("image", ["image", "images", "image[]", "images[]", "image[0]", "image[15]", "images[3]", "image_1", "images_2"]),
        ("mask", ["mask", "mask[]", "mask[0]"]),
        ("markup", ["markup", "markup[]", "markup[0]"]),
        (None, ["", "Image", "image ", "image1", "image_", "image[a]", "image[][]", "image[0]x", "image_size", "images[][url]"]),
        (None, ["mask_1", "masks", "mask_blur", "prompt", "image[99999]", "image_99999", "image[٣]", "input_image"]),
    ],
)
def test_names(field: str | None, names: list[str]) -> None:
    assert {picture_field(name) for name in names} == {field}


async def test_files_and_texts_in_wire_order(spools: Spools) -> None:
    pictures = Pictures(FormLimits(), spools)
    await sent(pictures, PNG, filename="a")
    await sent(pictures, b"https://example.com/a.png")
    await sent(pictures, b"", filename="")
    await sent(pictures, PNG)
    await sent(pictures, b"text", "mask", filename="b")
    first, text, third, mask = pictures.parts
    assert text == TextReference("image", "https://example.com/a.png")
    assert isinstance(first, FilePart)
    assert isinstance(third, FilePart)
    assert isinstance(mask, FilePart)
    assert [(part.field, part.filename, part.spool.head) for part in (first, third, mask)] == [
        ("image", "a", PNG),
        ("image", None, PNG),
        ("mask", "b", b"text"),
    ]
    assert (pictures.param("image"), pictures.param("mask")) == ("image[3]", "mask")


@pytest.mark.parametrize("data", [b"a\x00b", b"a\x1bb", b"a\x7fb", b"\xff\xfe", b"caf\xe9"])
async def test_bytes_that_are_no_text_are_a_file(spools: Spools, data: bytes) -> None:
    pictures = Pictures(FormLimits(), spools)
    await sent(pictures, data)
    assert isinstance(pictures.parts[0], FilePart)


async def test_a_picture_too_many_is_known_with_its_first_byte(spools: Spools) -> None:
    pictures = Pictures(FormLimits(max_images=1), spools)
    await sent(pictures, PNG)
    sink = PictureSink(pictures, "image", PartStart("image", "x"))
    with pytest.raises(InvalidRequest) as error:
        await sink.write(b"x")
    assert error.value.code == "too_many_images"


async def test_a_picture_too_large_is_known_with_its_first_byte_too_many(spools: Spools) -> None:
    pictures = Pictures(FormLimits(max_image_bytes=10), spools)
    sink = PictureSink(pictures, "image", PartStart("image", "x"))
    await sink.write(b"0123456789")
    with pytest.raises(TooLarge) as error:
        await sink.write(b"0")
    assert (error.value.code, error.value.param) == ("image_too_large", "image[0]")


async def test_one_mask_only(spools: Spools) -> None:
    pictures = Pictures(FormLimits(), spools)
    mask = await spooled(spools, PNG)
    again = await spooled(spools, PNG)
    await pictures.add(FilePart("mask", "a", mask))
    await pictures.add(FilePart("mask", "b", again))
    assert pictures.parts == [FilePart("mask", "a", mask)]
    with pytest.raises(ValueError, match="closed"):
        await again.read()
    with pytest.raises(InvalidRequest) as error:
        await pictures.add(TextReference("mask", "https://example.com/mask.png"))
    assert (error.value.code, error.value.param) == ("duplicate_parameter", "mask")
