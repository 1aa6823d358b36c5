"""Looks at a Kontext job; the job itself is tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._fireworks.jobs import finished
from imagegate.domain.events import ImageLink
from imagegate.errors import Ambiguous, BadResponse, ContentRefused, GatewayError


def test_a_picture_or_none_yet() -> None:
    assert finished({"status": "Pending"}) is None
    picture = finished({"status": "Ready", "result": {"sample": "https://x.test/a.png", "seed": 7}})
    assert picture is not None
    assert (picture.source, picture.details.extra) == (ImageLink("https://x.test/a.png"), {"seed": 7})


@pytest.mark.parametrize(
    ("look", "kind"),
    [
        ({"status": "Content Moderated"}, ContentRefused),
        ({"status": "Request Moderated"}, ContentRefused),
        ({"status": "Error"}, Ambiguous),
        ({"status": "Ready", "result": None}, BadResponse),
        ({"status": "Ready", "result": {"sample": ""}}, BadResponse),
    ],
)
def test_how_a_job_fails(look: dict[str, Any], kind: type[GatewayError]) -> None:
    with pytest.raises(kind):
        finished(look)
