"""Child processes that convert: when they run, and what happens when they do not do as they should."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import tracemalloc
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from imagegate.domain.output import Output
from imagegate.errors import BadResponse, GatewayError, PictureNotConverted
from imagegate.media.convert import PictureConverter
from imagegate.media.spool import SpoolBudget, Spools
from tests.media.spooling import spooled
from tests.support import pictures
from tests.support.process import children
from tests.support.waiting import until

JPEG = Output("jpeg")
SMALL = pictures.png((32, 16))
LARGE = pictures.noise_png(12_000_000)


def stub(code: str) -> Sequence[str]:
    """A child that does ``code`` instead."""
    return (sys.executable, "-c", code)


@asynccontextmanager
async def converting(**given: Any) -> AsyncGenerator[PictureConverter]:
    converter = PictureConverter(**given)
    try:
        yield converter
    finally:
        await converter.aclose()
        assert not children(), "nothing outlives the converter"


async def convert(converter: PictureConverter, data: bytes, output: Output = JPEG, folder: Path | None = None) -> bytes:
    async with Spools(SpoolBudget(10**9), folder) as spools:
        result = spools.new()
        await converter.convert(await spooled(spools, data), output, result)
        await result.finish()
        return await result.read()


async def failure(converter: PictureConverter, data: bytes = SMALL, output: Output = JPEG) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await convert(converter, data, output)
    return caught.value


async def test_one_child_does_job_after_job_and_none_runs_before() -> None:
    async with converting() as converter:
        assert (converter.idle, children()) == ((), [])
        for output, kind in ((JPEG, "jpeg"), (Output("webp", 40), "webp"), (Output("png"), "png")):
            assert pictures.look(await convert(converter, SMALL, output)) == (kind, (32, 16), "RGB")
        assert len(converter.idle) == 1 and list(converter.idle) == children()


async def test_compression_arrives() -> None:
    async with converting() as converter:
        small, large = [await convert(converter, LARGE[:], Output("jpeg", quality)) for quality in (10, 90)]
        assert len(small) * 2 < len(large)


async def test_so_many_at_a_time_and_no_more() -> None:
    async with converting(workers=2) as converter:
        jobs = [asyncio.create_task(convert(converter, LARGE)) for _ in range(5)]
        most = 0
        while not all(job.done() for job in jobs):
            most = max(most, len(children()))
            await asyncio.sleep(0.005)
        assert len({len(await job) for job in jobs}) == 1
        assert most == len(converter.idle) == 2


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (SMALL[:60], "cannot be read"),
        (b"<html>no</html>", "cannot be read"),
        (pictures.gif(frames=2), "is an animation"),
        (pictures.png((300, 300)), "has more than 80000 pixels"),
    ],
    ids=["cut", "html", "animation", "large"],
)
async def test_what_cannot_be_converted_is_the_providers_fault_and_costs_no_child(data: bytes, says: str) -> None:
    async with converting(max_pixels=80_000) as converter:
        await convert(converter, SMALL)
        before = converter.idle
        error = await failure(converter, data)
        assert isinstance(error, BadResponse) and says in error.message
        assert converter.idle == before
        await convert(converter, SMALL)


async def test_a_child_that_dies_at_work_costs_its_own_picture_only() -> None:
    async with converting() as converter:
        await convert(converter, SMALL)
        (pid,) = converter.idle
        job = asyncio.create_task(failure(converter, LARGE, Output("webp")))
        await until(lambda: converter.idle == ())
        await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        error = await job
        assert isinstance(error, PictureNotConverted)
        assert (error.http_status, error.code, error.should_retry) == (503, "conversion_failed", False)
        await convert(converter, SMALL)
        assert converter.idle != (pid,)


async def test_a_child_that_died_while_it_rested_is_nobodys_failure() -> None:
    async with converting() as converter:
        await convert(converter, SMALL)
        (pid,) = converter.idle
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not children())
        await asyncio.sleep(0.05)
        await convert(converter, SMALL)
        assert converter.idle != (pid,)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "raise SystemExit(1)",
        "import sys; sys.stdin.buffer.readline(); print('hello')",
        "import sys; sys.stdin.buffer.readline(); print('{}')",
        "import sys; sys.stdin.buffer.readline(); print('[]')",
        """import sys; sys.stdin.buffer.readline(); print('{"size": 5, "refused": null}'); print('abc')""",
        """import sys; sys.stdin.buffer.readline(); print('{"size": -1, "refused": null}')""",
        """import sys; sys.stdin.buffer.readline(); print('{"size": 99999999999, "refused": null}')""",
        "import sys; sys.stdin.buffer.readline(); print('x' * 2_000_000)",
        "import sys; sys.stdin.buffer.readline(); sys.stdout.buffer.write(bytes(2_000_000))",
    ],
)
@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
async def test_a_child_that_does_something_else(code: str, data: bytes) -> None:
    async with converting(command=stub(code), seconds=2) as converter:
        error = await failure(converter, data)
        assert isinstance(error, PictureNotConverted)
        assert converter.idle == () and children() == []


async def test_a_child_that_cannot_be_started() -> None:
    async with converting(command=("/nowhere/python",)) as converter:
        error = await failure(converter)
        assert isinstance(error, PictureNotConverted) and "nowhere" not in error.message


@pytest.mark.parametrize("code", ["import time; time.sleep(60)", "import sys, time; sys.stdin.buffer.read(9); time.sleep(60)"])
async def test_a_deadline(code: str) -> None:
    async with converting(command=stub(code), seconds=0.3) as converter:
        began = time.monotonic()
        assert isinstance(await failure(converter, LARGE), PictureNotConverted)
        assert time.monotonic() - began < 5
        assert children() == []


async def test_the_deadline_is_also_for_those_who_wait() -> None:
    async with converting(command=stub("import time; time.sleep(60)"), workers=1, seconds=0.3) as converter:
        began = time.monotonic()
        failed = await asyncio.gather(*[failure(converter) for _ in range(10)])
        assert {type(error) for error in failed} == {PictureNotConverted}
        assert time.monotonic() - began < 3


async def test_a_caller_who_leaves_ends_the_work() -> None:
    async with converting(command=stub("import time; time.sleep(60)"), workers=1) as converter:
        job = asyncio.create_task(convert(converter, LARGE))
        await until(children)
        job.cancel()
        await asyncio.wait({job})
        assert job.cancelled() and children() == []


async def test_a_place_is_free_again_whatever_happened() -> None:
    async with converting(workers=1, max_pixels=1000) as converter:
        for data in (SMALL[:50], LARGE, SMALL, b""):
            job = asyncio.create_task(convert(converter, data))
            await asyncio.sleep(0.01)
            job.cancel()
            await asyncio.wait({job})
        assert pictures.look(await convert(converter, SMALL)).format == "jpeg"


async def test_nobody_stays_without_work() -> None:
    async with converting(idle_seconds=0.1) as converter:
        await asyncio.gather(convert(converter, SMALL), convert(converter, SMALL))
        await until(lambda: converter.idle == () and not children())
        await convert(converter, SMALL)
        assert len(converter.idle) == 1


async def test_children_get_nothing_of_the_environment() -> None:
    code = """import sys, os, json; job = json.loads(sys.stdin.buffer.readline()); sys.stdin.buffer.read(job["size"])
names = " ".join(os.environ); print(json.dumps({"size": len(names), "refused": None})); print(names, end="")"""
    async with converting(command=stub(code)) as converter:
        names = (await convert(converter, SMALL)).decode().split()
    assert {"PATH", "HOME"} <= set(os.environ)
    assert set(names) <= {"PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LC_CTYPE"}


async def test_a_large_picture_is_never_in_this_process(tmp_path: Path) -> None:
    async with converting() as converter:
        await convert(converter, SMALL, folder=tmp_path)
        async with Spools(SpoolBudget(10**9), tmp_path) as spools:
            picture, result = await spooled(spools, LARGE), spools.new()
            tracemalloc.start()
            try:
                await converter.convert(picture, Output("png"), result)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert result.size > 10_000_000
        assert peak < 4_000_000
