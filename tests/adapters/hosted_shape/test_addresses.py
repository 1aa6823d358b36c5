"""Which address of a job is used."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters.hosted_shape.addresses import own
from tests.upstream.accounts import account


@pytest.mark.parametrize(
    ("named", "used"),
    [
        ("https://host.test/v1/jobs/1", "https://host.test/v1/jobs/1"),
        ("https://host.test:443/x", "https://host.test:443/x"),
        ("http://host.test/v1/jobs/1", "/jobs/1"),
        ("https://elsewhere.test/v1/jobs/1", "/jobs/1"),
        ("/v1/jobs/1", "/jobs/1"),
        (None, "/jobs/1"),
        (7, "/jobs/1"),
    ],
)
async def test_only_the_channels_own(named: Any, used: str) -> None:
    async with account("https://host.test/v1") as upstream:
        assert own(named, "/jobs/1", upstream) == used
