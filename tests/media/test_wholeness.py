from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagegate.media.sniff import sniff
from imagegate.media.spool import SpoolBudget, Spools
from imagegate.media.wholeness import is_cut_off
from tests.media.spooling import spooled
from tests.support import pictures


@pytest.fixture
async def spools(tmp_path: Path) -> AsyncIterator[Spools]:
    async with Spools(SpoolBudget(10**9), tmp_path) as opened:
        yield opened


async def cut_off(spools: Spools, data: bytes) -> bool:
    media_type = sniff(data)
    assert media_type is not None
    return await is_cut_off(await spooled(spools, data), media_type)


SMALL = {
    "png": pictures.png(),
    "png with alpha": pictures.png(alpha=9),
    "webp": pictures.webp((33, 17)),
    "webp with alpha": pictures.webp((33, 17), alpha=9),
    "jpeg": pictures.jpeg(),
}
LARGE_PNG = pictures.noise_png(3_000_000)


@pytest.mark.parametrize("data", SMALL.values(), ids=SMALL)
async def test_whole_pictures_are_whole_also_with_something_behind_them(spools: Spools, data: bytes) -> None:
    assert not await cut_off(spools, data)
    assert not await cut_off(spools, data + b"a note")


@pytest.mark.parametrize("behind", [0, 1, 5000, 600_000])
async def test_large_pngs(spools: Spools, behind: int) -> None:
    assert not await cut_off(spools, LARGE_PNG + bytes(behind))


@pytest.mark.parametrize("kind", ["png", "png with alpha", "webp", "webp with alpha"])
async def test_a_missing_end_is_seen(spools: Spools, kind: str) -> None:
    for missing in (1, 2, 7, 20):
        assert await cut_off(spools, SMALL[kind][:-missing]), missing


@pytest.mark.parametrize("length", [5000, 70_000, 262_144, 2_999_000])
async def test_a_large_png_is_read_to_its_end(spools: Spools, length: int) -> None:
    assert await cut_off(spools, LARGE_PNG[:length])


async def test_an_end_between_two_pieces_is_found(spools: Spools) -> None:
    """256 KiB are read at a time; the eight bytes that count lie across that line."""
    signature, end = pictures.png()[:8], pictures.png()[-12:]
    for shift in range(1, 8):
        before = 256 * 1024 - shift - 4
        assert not await cut_off(spools, signature.ljust(before, b"\0") + end + bytes(700_000))
