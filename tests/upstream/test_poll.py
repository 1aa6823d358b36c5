"""Waiting for a submitted job."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from imagegate.errors import Ambiguous, ContentRefused, GatewayError
from imagegate.upstream.client import Refusal
from tests.simulators.base import Recorded, Reply, RouteRow, Simulator
from tests.upstream.accounts import Clerk, account


class Jobs(Simulator):
    """A job that is done at the third look."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def routes(self) -> list[RouteRow]:
        return [("GET", "/jobs/{id}", self.look)]

    async def look(self, request: Recorded) -> Reply:
        self.looks += 1
        return Reply.json({"status": "done" if self.looks >= 3 else "running", "look": self.looks})


class Strict(Clerk):
    """Every refusal is the caller's."""

    def classify(self, refusal: Refusal) -> GatewayError:
        return ContentRefused("no")


async def wait(jobs: Jobs, seconds: float = 5.0) -> list[int]:
    looks: list[int] = []
    async with (
        account(jobs.url, seconds=seconds) as upstream,
        aclosing(upstream.poll("/jobs/1", every=0.02)) as documents,
    ):
        async for document in documents:
            looks.append(document["look"])
            if document["status"] == "done":
                break
    return looks


async def test_every_look_is_seen_until_the_caller_has_enough() -> None:
    with Jobs() as jobs:
        assert await wait(jobs) == [1, 2, 3]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_look_that_fails_is_repeated(status: int) -> None:
    with Jobs() as jobs:
        jobs.fail_next(status, times=4)
        assert await wait(jobs) == [1, 2, 3]


async def test_five_failures_in_a_row_are_ambiguous() -> None:
    with Jobs() as jobs:
        jobs.fail_next(503, times=5)
        with pytest.raises(Ambiguous):
            await wait(jobs)


async def test_the_deadline_ends_the_waiting() -> None:
    with Jobs() as jobs:
        jobs.looks = -100_000
        with pytest.raises(Ambiguous) as caught:
            await wait(jobs, seconds=0.3)
    assert caught.value.timed_out


async def test_a_refusal_of_the_caller_passes_at_once() -> None:
    with Jobs() as jobs:
        jobs.fail_next(422)
        async with account(jobs.url, clerk=Strict()) as upstream, aclosing(upstream.poll("/jobs/1", every=0.02)) as documents:
            with pytest.raises(ContentRefused):
                await anext(documents)
