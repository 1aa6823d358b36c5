from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagegate.domain.images import Content
from imagegate.errors import LimitExceeded
from imagegate.media.spool import BATCH, HEAD, IN_MEMORY, PIECE, Spool, SpoolBudget, Spools
from imagegate.media.spool_budget import RETRY_AFTER, Allowance
from imagegate.media.spool_file import SpoolFile
from tests.media.spooling import open_files, spooled
from tests.support.waiting import until

SIZES = [0, 1, HEAD, HEAD + 1, IN_MEMORY, IN_MEMORY + 1, BATCH, BATCH + 1, 3 * BATCH + 17]
GIB = 1024**3


def make(directory: Path, limit: int = GIB) -> Spools:
    return Spools(SpoolBudget(limit), directory)


async def pieces(content: Content) -> list[bytes]:
    return [piece async for piece in content.chunks()]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [1_000, 65_536, 10_000_000])
async def test_gives_back_what_was_written(tmp_path: Path, size: int, step: int) -> None:
    data = os.urandom(size)
    async with make(tmp_path) as spools:
        spool = await spooled(spools, data, step)
        assert (spool.size, await spool.sha256()) == (size, hashlib.sha256(data).hexdigest())
        assert spool.head == data[:HEAD]
        assert await spool.read() == data
        assert b"".join(await pieces(spool)) == data
        assert await spool.beginning(300_000) == data[:300_000]
        assert all(len(piece) <= PIECE for piece in await pieces(spool))


async def test_small_ones_stay_in_memory_large_ones_do_not(tmp_path: Path) -> None:
    async with make(tmp_path) as spools:
        await spooled(spools, bytes(IN_MEMORY))
        assert open_files(tmp_path) == 0
        await spooled(spools, bytes(IN_MEMORY + 1))
        assert open_files(tmp_path) == 1
        assert list(tmp_path.iterdir()) == []
    assert open_files(tmp_path) == 0


async def test_several_readers_at_once(tmp_path: Path) -> None:
    data = os.urandom(2_000_000)
    async with make(tmp_path) as spools:
        spool = await spooled(spools, data)
        read = await asyncio.gather(*(pieces(spool) for _ in range(5)))
    assert [b"".join(each) for each in read] == [data] * 5


async def test_memory_does_not_grow_with_the_size(tmp_path: Path) -> None:
    piece = bytes(65_536)
    async with make(tmp_path) as spools:
        spool = spools.new()
        tracemalloc.start()
        try:
            for _ in range(512):
                await spool.write(piece)
            await spool.finish()
            async for _ in spool.chunks():
                pass
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert spool.size == 32 * 1024**2
    assert peak < 6 * 1024**2


async def test_nothing_is_read_before_finish_or_after_close(tmp_path: Path) -> None:
    async with make(tmp_path) as spools:
        spool = spools.new()
        await spool.write(b"abc")
        with pytest.raises(ValueError, match="not finished"):
            await spool.read()
        with pytest.raises(ValueError, match="not finished"):
            await spool.sha256()
        await spool.finish()
        await spool.finish()
        with pytest.raises(ValueError, match="no more"):
            await spool.write(b"d")
        await spool.close()
        await spool.close()
        with pytest.raises(ValueError, match="closed"):
            await pieces(spool)


async def test_a_closed_spool_takes_nothing(tmp_path: Path) -> None:
    async with make(tmp_path) as spools:
        spool = spools.new()
        await spool.close()
        with pytest.raises(ValueError, match="no more"):
            await spool.write(b"abc")


async def test_the_budget_is_shared_and_given_back(tmp_path: Path) -> None:
    budget = SpoolBudget(1_000_000)
    async with Spools(budget, tmp_path) as one, Spools(budget, tmp_path) as other:
        first = await spooled(one, bytes(600_000))
        await spooled(one, bytes(100_000))
        with pytest.raises(LimitExceeded) as refused:
            await spooled(other, bytes(400_000))
        assert refused.value.code == "upload_capacity"
        assert budget.reserved == 1_000_000
        await first.close()
        one.trim()
        assert budget.reserved == 400_000
    assert budget.reserved == 0


async def test_room_can_be_held_ahead(tmp_path: Path) -> None:
    budget = SpoolBudget(1_000)
    async with Spools(budget, tmp_path) as spools:
        assert spools.capacity == 1_000
        spools.reserve(700)
        await spooled(spools, bytes(500))
        assert budget.reserved == 700
        spools.trim()
        assert budget.reserved == 500
    assert budget.reserved == 0


async def test_all_is_gone_after_an_error(tmp_path: Path) -> None:
    budget = SpoolBudget(GIB)
    with pytest.raises(RuntimeError, match="broken"):
        async with Spools(budget, tmp_path) as spools:
            finished = await spooled(spools, bytes(1_000_000))
            await spools.new().write(bytes(1_000_000))
            raise RuntimeError("broken")
    assert (open_files(tmp_path), budget.reserved) == (0, 0)
    with pytest.raises(ValueError, match="closed"):
        await finished.read()
    with pytest.raises(ValueError, match="closed"):
        spools.new()
    await spools.close_all()


class Gate:
    """Keeps the only worker thread busy."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.begun = threading.Event()

    def block(self) -> None:
        self.begun.set()
        assert self._open.wait(10)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
async def one_thread() -> AsyncIterator[Callable[[], Gate]]:
    """Lets asyncio have one worker thread, and gives gates that block it."""
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(max_workers=1)
    loop.set_default_executor(executor)
    gates: list[Gate] = []

    def gate() -> Gate:
        gates.append(Gate())
        loop.run_in_executor(None, gates[-1].block)
        return gates[-1]

    yield gate
    for each in gates:
        each.open()


async def test_all_is_gone_after_a_cancellation_in_the_middle_of_a_write(tmp_path: Path, one_thread: Callable[[], Gate]) -> None:
    budget = SpoolBudget(GIB)
    gate: Gate | None = None

    async def upload() -> None:
        nonlocal gate
        async with Spools(budget, tmp_path) as spools:
            await spooled(spools, bytes(1_000_000))
            gate = one_thread()
            await spools.new().write(bytes(BATCH))

    task = asyncio.create_task(upload())
    await until(lambda: gate is not None and gate.begun.is_set())
    assert open_files(tmp_path) == 1
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate is not None
    gate.open()
    await until(lambda: open_files(tmp_path) == 0)
    assert budget.reserved == 0


async def test_the_loop_goes_on_while_a_thread_writes(tmp_path: Path, one_thread: Callable[[], Gate]) -> None:
    async with make(tmp_path) as spools:
        spool = spools.new()
        gate = one_thread()
        writing = asyncio.create_task(spool.write(bytes(BATCH)))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not writing.done()
        gate.open()
        await writing


class FullDisk(SpoolFile):
    """Its file is the device that is always full."""

    def _open(self) -> int:
        return self._owner.enter_context(Path("/dev/full").open("wb", buffering=0)).fileno()


async def test_a_full_disk_is_a_capacity_problem() -> None:
    spool = Spool(Allowance(SpoolBudget(GIB)), FullDisk(None))
    with pytest.raises(LimitExceeded) as refused:
        await spool.write(bytes(BATCH))
    await spool.close()
    assert (refused.value.code, refused.value.retry_after) == ("upload_capacity", RETRY_AFTER)


async def test_another_disk_error_is_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with make(tmp_path / "file") as spools:
        with pytest.raises(FileExistsError):
            await spools.new().write(bytes(BATCH))
