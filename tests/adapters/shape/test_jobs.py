"""After the submit nothing is tried elsewhere, and a job that nobody waits for is withdrawn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest

from imagegate.adapters.shape.jobs import paid, withdrawn
from imagegate.errors import Ambiguous, AuthFailed, BadResponse, ContentRefused, RateLimited, Unavailable


@pytest.mark.parametrize("error", [RateLimited("x"), Unavailable("x"), AuthFailed("x")])
def test_what_would_go_to_another_candidate_is_final(error: Exception) -> None:
    with pytest.raises(Ambiguous) as caught, paid():
        raise error
    assert not caught.value.next_candidate


@pytest.mark.parametrize("error", [BadResponse("x"), Ambiguous("x", timed_out=True), ContentRefused("x")])
def test_everything_else_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, paid():
        raise error
    assert caught.value is error


class Desk:
    """Takes jobs back."""

    def __init__(self, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.asked = 0
        self.done = 0
        self.seconds = seconds
        self.error = error

    async def withdraw(self) -> None:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        if self.error:
            raise self.error
        self.done += 1

    async def job(self, wait: float = 30.0) -> AsyncGenerator[str]:
        async with withdrawn(self.withdraw):
            yield "queued"
            await asyncio.sleep(wait)
        yield "done"


async def test_closing_early_withdraws_the_job() -> None:
    desk = Desk(0.01)
    job = desk.job()
    await anext(job)
    await job.aclose()
    assert (desk.asked, desk.done) == (1, 1)


async def test_a_cancelled_wait_withdraws_the_job() -> None:
    desk = Desk(0.01)
    job = desk.job()
    await anext(job)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(job)
    assert (desk.asked, desk.done) == (1, 1)


async def test_a_job_that_ends_is_not_withdrawn() -> None:
    desk = Desk()
    job = desk.job(0)
    assert [note async for note in job] == ["queued", "done"]
    assert desk.asked == 0


async def test_an_error_of_the_wait_withdraws_nothing() -> None:
    desk = Desk()
    with pytest.raises(BadResponse):
        async with withdrawn(desk.withdraw):
            raise BadResponse("x")
    assert desk.asked == 0


async def test_a_passed_deadline_withdraws_the_job() -> None:
    desk = Desk()
    with pytest.raises(Ambiguous):
        async with withdrawn(desk.withdraw):
            raise Ambiguous("x", timed_out=True)
    assert desk.done == 1


async def test_withdrawing_may_fail() -> None:
    desk = Desk(error=RateLimited("x"))
    job = desk.job()
    await anext(job)
    await job.aclose()
    assert (desk.asked, desk.done) == (1, 0)


async def test_withdrawing_has_an_end() -> None:
    desk = Desk(60)
    job = desk.job()
    await anext(job)
    started = time.monotonic()
    await job.aclose()
    assert time.monotonic() - started < 2
    assert (desk.asked, desk.done) == (1, 0)
