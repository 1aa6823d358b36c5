"""Names and addresses of jobs in fal's queue; how one goes on is tested with the adapter."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from imagegate.adapters._fal.jobs import Job, submit_path
from imagegate.errors import BadResponse, ModelMissing
from imagegate.upstream.client import Account, Upstream
from imagegate.upstream.engine import Engine
from tests.adapters.contract import NoOutside


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A channel to fal; nothing is sent."""
    engine = Engine(ssl.create_default_context())
    yield Upstream(engine, Account("https://queue.fal.run", {}, lambda _: pytest.fail("sent")), NoOutside(), 0)
    await engine.aclose()


@pytest.mark.parametrize("app", ["", "a", "../b", "a/../b", "a/b?x", "a b/c", "https://a/b", "/a/b", "a//b"])
def test_a_name_that_leads_elsewhere_is_none(app: str) -> None:
    with pytest.raises(ModelMissing):
        submit_path(app)


@pytest.mark.parametrize(
    ("app", "document", "job"),
    [
        (
            "fal-ai/flux/dev",
            {},
            Job("/fal-ai/flux/requests/r1/status", "/fal-ai/flux/requests/r1", "/fal-ai/flux/requests/r1/cancel", "queued"),
        ),
        (
            "workflows/me/mine",
            {"status": "IN_PROGRESS"},
            Job(
                "/workflows/me/mine/requests/r1/status",
                "/workflows/me/mine/requests/r1",
                "/workflows/me/mine/requests/r1/cancel",
                "processing",
            ),
        ),
        (
            "fal-ai/flux",
            {
                "status_url": "https://queue.fal.run/s",
                "response_url": "https://elsewhere.test/r",
                "cancel_url": None,
                "queue_position": 3,
            },
            Job("https://queue.fal.run/s", "/fal-ai/flux/requests/r1", "/fal-ai/flux/requests/r1/cancel", "queued, 3 before it"),
        ),
    ],
)
async def test_where_a_job_is(upstream: Upstream, app: str, document: dict[str, Any], job: Job) -> None:
    assert Job.read(app, {"request_id": "r1", **document}, upstream) == job


@pytest.mark.parametrize("document", [None, [], {}, {"request_id": 7}, {"request_id": "../x"}])
async def test_a_job_without_a_name(upstream: Upstream, document: Any) -> None:
    with pytest.raises(BadResponse):
        Job.read("fal-ai/flux", document, upstream)
