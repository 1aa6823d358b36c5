"""Withdrawing a job: other methods, also after the deadline, and never an error."""

from __future__ import annotations

import time
from typing import Literal

import pytest

from tests.simulators.base import Recorded, Reply, RouteRow, Simulator
from tests.upstream.accounts import account


class Desk(Simulator):
    """Takes jobs back."""

    def routes(self) -> list[RouteRow]:
        return [(method, "/jobs/1/cancel", self.cancel) for method in ("POST", "PUT", "DELETE")]

    async def cancel(self, request: Recorded) -> Reply:
        return Reply.json({"status": "canceled"}, status=202)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_job_is_called_off_with_the_credential(method: Literal["POST", "PUT", "DELETE"]) -> None:
    with Desk() as desk:
        async with account(desk.url) as upstream:
            await upstream.call_off("/jobs/1/cancel", method=method)
        (request,) = desk.requests
    assert (request.method, request.headers["authorization"], request.body) == (method, "Bearer sk-provider", b"")


async def test_the_deadline_has_passed() -> None:
    with Desk() as desk:
        async with account(desk.url, seconds=-1.0) as upstream:
            await upstream.call_off("/jobs/1/cancel")
        assert len(desk.requests) == 1


async def test_a_refusal_is_nobodys_business() -> None:
    with Desk() as desk:
        desk.fail_next(409)
        async with account(desk.url) as upstream:
            await upstream.call_off("/jobs/1/cancel")
            await upstream.call_off("https://elsewhere.test/jobs/1/cancel")
        assert len(desk.requests) == 1


async def test_it_has_an_end() -> None:
    with Desk() as desk:
        desk.script(Reply.silence())
        async with account(desk.url) as upstream:
            started = time.monotonic()
            await upstream.call_off("/jobs/1/cancel", seconds=0.1)
            assert time.monotonic() - started < 1
