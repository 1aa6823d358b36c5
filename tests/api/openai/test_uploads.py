"""An edit's pictures and fields, the same whichever way they were sent."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from imagegate.api.openai.multipart import FormLimits
from imagegate.api.openai.uploads import UploadReader, Uploads, carries_pictures
from imagegate.domain.images import InputImage
from imagegate.errors import InvalidRequest, RequestError, TooLarge, UnsupportedMedia
from imagegate.media.inputs import ImageInspector, InspectionLimits
from imagegate.media.spool import SpoolBudget, Spools
from tests.api.openai.shapes import encode, file, text
from tests.media.spooling import open_files
from tests.support import pictures

PNG, JPEG, OTHER = pictures.png((16, 16)), pictures.jpeg((16, 16)), pictures.png((8, 8), (1, 2, 3))
MASK, MARKUP = pictures.mask((16, 16)), pictures.png((16, 16), (0, 255, 0))
URL = "https://example.com/cat.png"
FORM = "multipart/form-data; boundary=edge"


class Web:
    """Serves pictures by url. ``asked``: urls and params in order."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        self._pages = pages
        self.asked: list[tuple[str, str]] = []

    @asynccontextmanager
    async def open(self, url: str, *, param: str) -> AsyncGenerator[Page]:
        self.asked.append((url, param))
        if url not in self._pages:
            raise InvalidRequest("The url could not be fetched.", param=param, code="invalid_image_url")
        yield Page(self._pages[url])


class Page:
    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def content_length(self) -> int | None:
        return None

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.data[:50]
        yield self.data[50:]


def posted(body: bytes, content_type: str | None) -> Request:
    """A POST with this body in two pieces."""
    pieces = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive() -> Message:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    headers = [(b"content-length", str(len(body)).encode())]
    if content_type is not None:
        headers.append((b"content-type", content_type.encode()))
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


class Desk:
    """Reads edits with small limits into spools below ``folder``. Closed at the test's end."""

    def __init__(self, folder: Path) -> None:
        self.web = Web({URL: OTHER})
        self.budget = SpoolBudget(10**7)
        self.spools = Spools(self.budget, folder)
        limits = FormLimits(max_images=3, max_image_bytes=1_000_000)
        inspector = ImageInspector(InspectionLimits(max_bytes=1_000_000))
        self._reader = UploadReader(inspector, self.web, limits, 2_000_000)

    async def read(self, body: bytes, content_type: str | None) -> Uploads:
        return await self._reader.read(posted(body, content_type), self.spools)

    async def form(self, *parts: tuple[str, bytes]) -> Uploads:
        return await self.read(encode("edge", parts), FORM)

    async def json(self, **fields: Any) -> Uploads:
        return await self.read(json.dumps(fields).encode(), "application/json")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    desk = Desk(tmp_path)
    async with desk.spools:
        yield desk
    assert open_files(tmp_path) == 0
    assert desk.budget.reserved == 0


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def seen(image: InputImage | None) -> tuple[bytes, str, str] | None:
    """Bytes, media type and name that a provider would get."""
    return None if image is None else (await image.content.read(), image.media_type, image.filename)


FIRST, SECOND = (PNG, "image/png", "image-0.png"), (JPEG, "image/jpeg", "image-1.jpg")
THIRD = (OTHER, "image/png", "image-2.png")


async def test_a_form_and_a_json_body_mean_the_same(desk: Desk) -> None:
    form = await desk.form(
        text("prompt", "a cat"),
        file("image[]", "../../etc/passwd", PNG, "text/plain"),
        file("mask", "mask.png", MASK),
        file("image[]", "b.jpg", JPEG),
        file("markup", "m.png", MARKUP),
        text("image[]", URL),
        text("quality", "high"),
    )
    body = await desk.json(
        prompt="a cat",
        images=[{"image_url": pictures.data_url(PNG)}, b64(JPEG), {"image_url": {"url": URL}}],
        mask={"image_url": pictures.data_url(MASK)},
        markup=b64(MARKUP),
        quality="high",
    )
    for uploads in (form, body):
        assert dict(uploads.fields) == {"prompt": "a cat", "quality": "high"}
        assert [await seen(image) for image in uploads.images] == [FIRST, SECOND, THIRD]
        assert await seen(uploads.mask) == (MASK, "image/png", "mask.png")
        assert await seen(uploads.markup) == (MARKUP, "image/png", "markup.png")
        assert (uploads.images[0].width, uploads.images[0].height) == (16, 16)
    assert desk.web.asked == [(URL, "image[2]"), (URL, "images[2]")]


@pytest.mark.parametrize("value", [b64(PNG), [b64(PNG)], {"b64_json": b64(PNG)}, [{"image_url": pictures.data_url(PNG)}]])
@pytest.mark.parametrize("name", ["images", "image"])
async def test_one_picture_in_each_form_and_under_both_names(desk: Desk, name: str, value: Any) -> None:
    uploads = await desk.json(**{"prompt": "x", name: value})
    assert [await seen(image) for image in uploads.images] == [FIRST]
    assert dict(uploads.fields) == {"prompt": "x"}


async def test_both_names_together_are_one_list(desk: Desk) -> None:
    uploads = await desk.json(image=b64(JPEG), images=[b64(PNG)])
    assert [image.media_type for image in uploads.images] == ["image/png", "image/jpeg"]


async def test_without_pictures_there_are_none(desk: Desk) -> None:
    for uploads in (await desk.form(text("prompt", "x")), await desk.json(prompt="x", images=None, mask=None, image=[])):
        assert (list(uploads.images), uploads.mask, uploads.markup) == ([], None, None)


async def test_a_body_without_content_type_is_json(desk: Desk) -> None:
    assert (await desk.read(b'{"prompt": "x"}', None)).fields == {"prompt": "x"}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png", "multipart/mixed; boundary=x"])
async def test_other_types_are_refused_with_the_right_ones(desk: Desk, kind: str) -> None:
    with pytest.raises(UnsupportedMedia, match="multipart/form-data or application/json"):
        await desk.read(b"x", kind)


@pytest.mark.parametrize("image", [b64(PNG), pictures.data_url(PNG)])
async def test_too_many_are_refused_before_one_is_fetched(desk: Desk, image: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await desk.json(images=[image, URL, image], image=URL)
    assert (caught.value.code, caught.value.param) == ("too_many_images", "images")
    assert desk.web.asked == []


class TestRefusals:
    """Each names the place, whichever way the picture came."""

    async def failing(self, desk: Desk, body: dict[str, Any] | list[tuple[str, bytes]]) -> RequestError:
        with pytest.raises(RequestError) as caught:
            await (desk.json(**body) if isinstance(body, dict) else desk.form(*body))
        return caught.value

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ([file("image", "a.png", PNG), file("image", "b.png", b"<html>")], "image[1]"),
            ([text("image", "https://example.com/none.png")], "image[0]"),
            ([file("image", "a.png", PNG), text("mask", "https://example.com/none.png")], "mask"),
            ({"images": [b64(PNG), b64(b"<html>")]}, "images[1]"),
            ({"image": ["https://example.com/none.png"]}, "image[0]"),
            ({"images": [{"file_id": "file-1"}]}, "images[0]"),
            ({"images": b64(PNG), "mask": b64(b"<html>")}, "mask"),
            ({"images": b64(PNG), "markup": 5}, "markup"),
        ],
    )
    async def test_pictures_that_are_none(self, desk: Desk, body: Any, param: str) -> None:
        error = await self.failing(desk, body)
        assert error.param is not None
        assert error.param.startswith(param)

    @pytest.mark.parametrize(
        "body",
        [
            [file("image", "a.png", OTHER), file("mask", "m.png", MASK)],
            {"images": b64(OTHER), "mask": b64(MASK)},
        ],
    )
    async def test_a_mask_of_another_size(self, desk: Desk, body: Any) -> None:
        error = await self.failing(desk, body)
        assert (error.param, error.code) == ("mask", "invalid_mask_dimensions")

    @pytest.mark.parametrize("large", [pictures.noise_png(1_200_000)])
    async def test_a_picture_above_the_limit(self, desk: Desk, large: bytes) -> None:
        for body in ([file("image", "a.png", large)], {"image": b64(large)}):
            error = await self.failing(desk, body)
            assert isinstance(error, TooLarge)
            assert (error.code, error.param) == ("image_too_large", "image[0]")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, False),
        ({"prompt": "x", "image": None, "images": [], "mask": ""}, False),
        ({"markup": "x"}, False),
        ({"image": "x"}, True),
        ({"images": [{}]}, True),
        ({"mask": {"image_url": "x"}}, True),
    ],
)
def test_whether_a_body_carries_pictures(body: dict[str, Any], expected: bool) -> None:
    assert carries_pictures(body) is expected
