"""A picture goes in, a signed path comes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from imagegate.errors import BadResponse
from imagegate.media.blobs import LocalBlobs, StorageFull
from imagegate.media.library import PictureLibrary
from imagegate.media.links import LinkSigner
from imagegate.media.sniff import sniff
from tests.support import pictures

NOW = 1_700_000_000.0
PNG, WEBP = pictures.png(), pictures.webp()
SIGNER = LinkSigner(bytes(32), 60, lambda: NOW)


async def stream(*chunks: bytes | Exception) -> AsyncIterator[bytes]:
    for chunk in chunks:
        if isinstance(chunk, Exception):
            raise chunk
        yield chunk


def blobs(root: Path, max_bytes: int = 10**6) -> LocalBlobs:
    return LocalBlobs(root, ttl=60, max_bytes=max_bytes, sniff=sniff, clock=lambda: NOW)


@pytest.mark.parametrize(("data", "extension"), [(PNG, "png"), (WEBP, "webp")])
async def test_the_path_is_signed_and_leads_to_the_picture(tmp_path: Path, data: bytes, extension: str) -> None:
    store = blobs(tmp_path)
    link = await PictureLibrary(store, SIGNER).publish(stream(data[:10], data[10:]))
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc) == ("", "")
    id, _, suffix = parts.path.removeprefix("/i/").partition(".")
    assert suffix == extension
    assert SIGNER.remaining(id, suffix, dict(parse_qsl(parts.query))) == 60
    blob = await store.open(id, suffix)
    assert blob is not None
    assert b"".join([piece async for piece in blob.chunks()]) == data


async def test_two_equal_pictures_have_two_links(tmp_path: Path) -> None:
    library = PictureLibrary(blobs(tmp_path), SIGNER)
    assert await library.publish(stream(PNG)) != await library.publish(stream(PNG))


@pytest.mark.parametrize(
    ("chunks", "failure"),
    [
        ((b"<html>",), ValueError),
        ((), ValueError),
        ((PNG, BadResponse("cut")), BadResponse),
    ],
)
async def test_what_fails_is_raised_and_leaves_no_file(
    tmp_path: Path, chunks: tuple[bytes | Exception, ...], failure: type[Exception]
) -> None:
    with pytest.raises(failure):
        await PictureLibrary(blobs(tmp_path), SIGNER).publish(stream(*chunks))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_no_room_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(StorageFull):
        await PictureLibrary(blobs(tmp_path, max_bytes=10), SIGNER).publish(stream(PNG))
