"""Kling's envelope; the errors of its codes are tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._kling.codes import data_of, verdict_of
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.errors import BadResponse, ContentRefused, GatewayError, RateLimited


def test_data_of_an_answer() -> None:
    assert data_of({"code": 0, "data": {"task_id": "8"}}) == {"task_id": "8"}
    assert data_of({"code": 0, "data": [{}]}) == {} == data_of({"code": 0})


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"code": 1301, "message": "no"}, ContentRefused),
        ({"code": 1302, "message": "slow"}, RateLimited),
        ({"code": 77}, BadResponse),
        ({"code": None}, BadResponse),
        ({}, BadResponse),
        ([], BadResponse),
    ],
)
def test_what_an_answer_says_instead(document: Any, kind: type[GatewayError]) -> None:
    with pytest.raises(kind):
        data_of(document)


def test_a_code_is_a_number() -> None:
    assert verdict_of({"code": 1102}) is Verdict.ACCOUNT
    assert verdict_of({"code": "1102"}) is None
