from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest

from imagegate.media.blobs import ABANDONED, GRACE, PIECE, BlobStore, LocalBlobs, StorageFull
from imagegate.media.sniff import sniff as sniff_bytes
from tests.support import pictures

PNG = b"\x89PNG\r\n\x1a\n"
TTL = 100.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def sniff(head: bytes) -> str | None:
    return "image/png" if head.startswith(PNG) else None


def png(size: int) -> bytes:
    return PNG + os.urandom(size - len(PNG))


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def make(root: Path, *, max_bytes: int = 10**9, clock: Callable[[], float] | None = None) -> LocalBlobs:
    return LocalBlobs(root, ttl=TTL, max_bytes=max_bytes, sniff=sniff, clock=clock or Clock())


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


async def content(blobs: BlobStore, id: str, start: int = 0, stop: int | None = None) -> bytes:
    blob = await blobs.open(id, "png")
    assert blob is not None
    return b"".join([piece async for piece in blob.chunks(start, stop)])


async def test_what_was_put_is_read_back(tmp_path: Path) -> None:
    data, clock = png(700_000), Clock()
    blobs = make(tmp_path, clock=clock)
    stored = await blobs.put(stream(data[:3], data[3:100_000], data[100_000:600_000], data[600_000:]))
    assert (stored.size, stored.media_type, stored.extension, stored.modified) == (len(data), "image/png", "png", clock.now)
    blob = await blobs.open(stored.id, "png")
    assert blob is not None
    assert blob.stored == stored
    pieces = [piece async for piece in blob.chunks()]
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) == PIECE


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 5), (10, 300_000), (299_999, None), (0, 10**9), (300_000, None)])
async def test_parts_are_read(tmp_path: Path, start: int, stop: int | None) -> None:
    data = png(300_000)
    blobs = make(tmp_path)
    stored = await blobs.put(stream(data))
    assert await content(blobs, stored.id, start, stop) == data[start:stop]


async def test_ids_are_160_random_bits(tmp_path: Path) -> None:
    blobs = make(tmp_path)
    ids = {(await blobs.put(stream(png(20)))).id for _ in range(20)}
    assert len(ids) == 20
    assert all(re.fullmatch(r"[a-z2-7]{32}", id) for id in ids)


async def test_the_type_comes_from_all_of_the_first_bytes_not_the_first_chunk(tmp_path: Path) -> None:
    stored = await make(tmp_path).put(stream(b"", PNG[:2], PNG[2:5], PNG[5:], b"rest"))
    assert stored.media_type == "image/png"


@pytest.mark.parametrize(
    ("data", "media_type", "extension"),
    [
        (pictures.png(), "image/png", "png"),
        (pictures.jpeg(), "image/jpeg", "jpg"),
        (pictures.webp(), "image/webp", "webp"),
        (pictures.gif(), "image/gif", "gif"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "svg"),
    ],
    ids=["png", "jpeg", "webp", "gif", "svg"],
)
async def test_real_pictures_keep_their_type(tmp_path: Path, data: bytes, media_type: str, extension: str) -> None:
    blobs = LocalBlobs(tmp_path, ttl=TTL, max_bytes=10**9, sniff=sniff_bytes)
    stored = await blobs.put(stream(data))
    opened = await blobs.open(stored.id, extension)
    assert opened is not None
    assert (opened.stored.media_type, opened.stored.size) == (media_type, len(data))


@pytest.mark.parametrize("chunks", [(), (b"",), (b"<html>",), (PNG[:4],)])
async def test_what_is_no_picture_is_refused_and_never_touches_the_disk(tmp_path: Path, chunks: Iterable[bytes]) -> None:
    with pytest.raises(ValueError, match="picture"):
        await make(tmp_path / "store").put(stream(*chunks))
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    "name",
    [
        ("a" * 32, "png"),
        ("a" * 31, "png"),
        ("A" * 32, "png"),
        ("../../../../etc/passwd", "png"),
        ("a" * 32, "../x"),
        ("a" * 32, ""),
        ("a" * 32 + "\n", "png"),
        ("a" * 31 + "\0", "png"),
        ("a" * 32, "png\0"),
        ("", ""),
        ("/etc/passwd", "png"),
    ],
)
async def test_unknown_and_impossible_names_are_just_not_there(tmp_path: Path, name: tuple[str, str]) -> None:
    blobs = make(tmp_path)
    await blobs.put(stream(png(20)))
    assert await blobs.open(*name) is None
    assert await blobs.delete(*name) is False


async def test_the_extension_is_part_of_the_name(tmp_path: Path) -> None:
    blobs = make(tmp_path)
    stored = await blobs.put(stream(png(20)))
    assert await blobs.open(stored.id, "jpg") is None


async def test_delete(tmp_path: Path) -> None:
    blobs = make(tmp_path)
    stored = await blobs.put(stream(png(20)))
    assert await blobs.delete(stored.id, "png") is True
    assert await blobs.open(stored.id, "png") is None
    assert await blobs.delete(stored.id, "png") is False


async def test_a_file_that_shrinks_while_it_is_read_is_an_error_not_a_short_answer(tmp_path: Path) -> None:
    blobs = make(tmp_path)
    stored = await blobs.put(stream(png(100)))
    blob = await blobs.open(stored.id, "png")
    assert blob is not None
    os.truncate(files(tmp_path)[0], 50)
    with pytest.raises(OSError, match="shorter"):
        _ = [piece async for piece in blob.chunks()]


async def broken(*chunks: bytes, error: BaseException) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    raise error


async def test_a_source_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    blobs = make(tmp_path, max_bytes=1_000_000)
    for _ in range(5):
        with pytest.raises(ConnectionError):
            await blobs.put(broken(png(600_000), error=ConnectionError()))
    assert files(tmp_path) == []
    await blobs.put(stream(png(900_000)))


async def test_a_cancelled_put_leaves_nothing(tmp_path: Path) -> None:
    blobs = make(tmp_path, max_bytes=1_000_000)
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield png(600_000)
        started.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(blobs.put(endless()))
    await started.wait()
    assert len(files(tmp_path)) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(tmp_path) == []
    await blobs.put(stream(png(900_000)))


@pytest.mark.parametrize("turns", range(8))
async def test_a_put_cancelled_at_any_point_leaves_nothing(tmp_path: Path, turns: int) -> None:
    task = asyncio.create_task(make(tmp_path).put(stream(*[png(PIECE)] * 50)))
    for _ in range(turns):
        await asyncio.sleep(0.0005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(tmp_path) == []


async def test_a_full_store_refuses_and_leaves_nothing(tmp_path: Path) -> None:
    blobs = make(tmp_path, max_bytes=1_000_000)
    stored = await blobs.put(stream(png(600_000)))
    with pytest.raises(StorageFull) as caught:
        await blobs.put(stream(png(300_000), bytes(300_000)))
    assert caught.value.errno == errno.ENOSPC
    assert len(files(tmp_path)) == 1
    assert len(await content(blobs, stored.id)) == 600_000
    await blobs.put(stream(png(400_000)))


async def test_concurrent_puts_cannot_exceed_the_limit_together(tmp_path: Path) -> None:
    blobs = make(tmp_path, max_bytes=1_000_000)
    results = await asyncio.gather(*(blobs.put(stream(png(300_000))) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(result, StorageFull) for result in results) >= 3
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 1_000_000


async def test_expired_pictures_make_room(tmp_path: Path) -> None:
    clock = Clock()
    blobs = make(tmp_path, max_bytes=1_000_000, clock=clock)
    old = await blobs.put(stream(png(500_000)))
    clock.now += TTL
    recent = await blobs.put(stream(png(400_000)))
    clock.now += GRACE + 1
    await blobs.put(stream(png(600_000)))
    assert await blobs.open(old.id, "png") is None
    assert await blobs.open(recent.id, "png") is not None


async def test_a_new_process_counts_what_is_there(tmp_path: Path) -> None:
    await make(tmp_path).put(stream(png(800_000)))
    with pytest.raises(StorageFull):
        await make(tmp_path, max_bytes=1_000_000).put(stream(png(300_000)))


async def test_a_full_store_is_not_searched_again_at_once(tmp_path: Path) -> None:
    clock = Clock()
    blobs = make(tmp_path, max_bytes=1000, clock=clock)
    stored = await blobs.put(stream(png(900)))
    await blobs.delete(stored.id, "png")
    with pytest.raises(StorageFull):
        await blobs.put(stream(png(500)))
    clock.now += 11
    await blobs.put(stream(png(500)))


async def test_sweep_deletes_what_has_expired_and_nothing_else(tmp_path: Path) -> None:
    clock = Clock()
    blobs = make(tmp_path, max_bytes=1000, clock=clock)
    old = await blobs.put(stream(png(600)))
    clock.now += TTL + 1
    fresh = await blobs.put(stream(png(200)))
    assert await blobs.sweep() == 0
    clock.now += GRACE
    assert await blobs.sweep() == 1
    assert await blobs.open(old.id, "png") is None
    assert len(await content(blobs, fresh.id)) == 200
    await blobs.put(stream(png(700)))


async def test_sweep_removes_what_a_crash_left(tmp_path: Path) -> None:
    clock = Clock()
    left = tmp_path / "tmp" / "half.png"
    left.parent.mkdir()
    left.write_bytes(b"half")
    blobs = make(tmp_path, clock=clock)
    for age in (ABANDONED - 1, ABANDONED + 1):
        os.utime(left, (clock.now - age, clock.now - age))
        assert await blobs.sweep() == (age > ABANDONED)
        assert left.exists() is (age < ABANDONED)


async def test_puts_and_sweeps_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    clock = Clock()
    blobs = make(tmp_path, clock=clock)
    stored = []

    async def put_some() -> None:
        for _ in range(15):
            stored.append(await blobs.put(stream(png(50))))

    async def sweep_some() -> None:
        for _ in range(40):
            await blobs.sweep()

    await asyncio.gather(put_some(), put_some(), sweep_some())
    assert len(files(tmp_path)) == len(stored) == 30


async def test_two_processes_share_one_directory(tmp_path: Path) -> None:
    here, there = make(tmp_path), make(tmp_path)
    stored = await here.put(stream(png(50)))
    assert await there.open(stored.id, "png") is not None
