"""Collecting what has to be converted, and the room for it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable

import pytest

from imagegate.domain.events import ImageBytes, held
from imagegate.domain.output import Output
from imagegate.errors import BadResponse, GatewayError, PictureNotConverted
from imagegate.relay.conversion import Conversion
from tests.relay.converting import Counted, Scribe
from tests.relay.scripted import PNG

RAW = base64.b64decode(PNG)
JPEG = Output("jpeg")


async def pieces(*chunks: bytes | Exception) -> AsyncIterator[bytes]:
    for chunk in chunks:
        if isinstance(chunk, Exception):
            raise chunk
        yield chunk


def raw(*chunks: bytes | Exception) -> ImageBytes:
    return ImageBytes(pieces(*chunks), "raw")


def split_base64() -> ImageBytes:
    return ImageBytes(pieces(PNG[:5], PNG[5:6], PNG[6:]))


@pytest.mark.parametrize("source", [lambda: raw(RAW[:9], RAW[9:]), lambda: held(PNG), split_base64])
async def test_either_way_that_a_picture_comes(source: Callable[[], ImageBytes]) -> None:
    spools = Counted()
    async with Conversion(Scribe(), spools).converted(source(), JPEG) as made:
        assert made.encoding == "raw"
        assert b"".join([chunk async for chunk in made.chunks]) == b"jpeg of " + RAW
        assert spools.budget.reserved > 0
    assert spools.budget.reserved == 0


@pytest.mark.parametrize(
    ("source", "failure"),
    [
        (lambda: held(b"!!!! no base64 at all"), BadResponse),
        (lambda: held(PNG + b"===="), BadResponse),
        (lambda: raw(RAW, BadResponse("cut")), BadResponse),
        (lambda: raw(*[bytes(1000)] * 6), PictureNotConverted),
        (lambda: held(base64.b64encode(bytes(6000))), PictureNotConverted),
    ],
)
async def test_what_cannot_be_collected(source: Callable[[], ImageBytes], failure: type[GatewayError]) -> None:
    spools, scribe = Counted(), Scribe()
    with pytest.raises(failure):
        async with Conversion(scribe, spools, max_bytes=5000).converted(source(), JPEG):
            pass
    assert (spools.budget.reserved, scribe.jobs) == (0, [])


@pytest.mark.parametrize("limit", [10, len(RAW) + 10])
async def test_no_room_is_the_gateways_fault_and_not_the_callers(limit: int) -> None:
    with pytest.raises(PictureNotConverted) as caught:
        async with Conversion(Scribe(), Counted(limit)).converted(raw(RAW), JPEG):
            pass
    assert (caught.value.http_status, caught.value.should_retry) == (503, False)
    assert "output_format" in caught.value.message


async def test_a_full_disk_too() -> None:
    with pytest.raises(PictureNotConverted):
        async with Conversion(Scribe(OSError(28, "No space left on device")), Counted()).converted(raw(RAW), JPEG):
            pass
