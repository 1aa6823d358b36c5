"""Which hosts are asked for results, and so shown the key."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._bfl.results import Results
from imagegate.errors import BadResponse
from tests.support.raw_server import RawServer, answering
from tests.upstream.accounts import account

HOSTS = ("bfl.ai",)
PENDING = answering(b'{"status":"Pending"}')


@pytest.mark.parametrize(
    "url",
    [
        "https://api.bfl.ai/v1/get_result?id=1",
        "https://api.us1.bfl.ai/v1/get_result?id=1",
        "https://API.EU.BFL.AI:8443/x",
        "https://bfl.ai/x",
    ],
)
async def test_hosts_of_the_provider_may_be_asked(url: str) -> None:
    async with account("https://api.bfl.ai/v1") as upstream:
        Results(upstream, {"id": "1", "polling_url": url}, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/v1/get_result?id=1",
        "https://bfl.ai.evil.test/x",
        "https://evilbfl.ai/x",
        "http://api.bfl.ai/v1/get_result?id=1",
        "https://api.bfl.ai@evil.test/x",
        "https://evil.test\\@api.bfl.ai/x",
        "https://evil.test#.bfl.ai",
        "https://[::1]/x",
        "https://[::1/x",
        "https://api.bfl.ai:port/x",
        "https://api.bfl.ai%2eevil.test/x",
        "//api.us1.bfl.ai/x",
        "/v1/get_result",
        "file:///etc/passwd",
        "https://",
    ],
)
async def test_other_hosts_do_not_see_the_key(url: str) -> None:
    async with account("https://api.bfl.ai/v1") as upstream:
        with pytest.raises(BadResponse):
            Results(upstream, {"id": "1", "polling_url": url}, HOSTS)


@pytest.mark.parametrize("job", [None, [], {}, {"id": None}, {"id": ""}, {"id": 7}, {"polling_url": "https://api.bfl.ai/x"}])
async def test_a_job_without_a_name_is_none(job: Any) -> None:
    async with account("https://api.bfl.ai/v1") as upstream:
        with pytest.raises(BadResponse):
            Results(upstream, job, HOSTS)


@pytest.mark.parametrize(
    ("told", "path"),
    [
        (None, "/v1/get_result?id=a%2Fb"),
        ("{0}/v1/get_result?id=a", "/v1/get_result?id=a"),
        ("{0}/elsewhere", "/elsewhere?id=a%2Fb"),
        ("{0}/elsewhere?region=1", "/elsewhere?region=1&id=a%2Fb"),
    ],
)
async def test_the_way_is_taken_as_it_was_told(told: str | None, path: str) -> None:
    with RawServer(PENDING) as server:
        async with account(f"{server.url}/v1") as upstream:
            job = {"id": "a/b", "polling_url": told and told.format(server.url)}
            async with Results(upstream, job, HOSTS).look() as answer:
                assert await answer.json() == {"status": "Pending"}
        assert [sent.path for sent in server.requests] == [path]


async def test_a_region_on_another_host_gets_the_credential() -> None:
    with RawServer(PENDING) as region:
        async with account("http://127.0.0.1:1/v1") as upstream:
            job = {"id": "1", "polling_url": f"{region.url}/v1/get_result?id=1"}
            async with Results(upstream, job, ("127.0.0.1",)).look() as answer:
                await answer.read()
        assert region.requests[0].headers["authorization"] == "Bearer sk-provider"
