"""The receipt of a prediction; how one goes on is tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._replicate.progress import started
from imagegate.errors import BadResponse


def test_a_prediction_has_a_name() -> None:
    assert started({"id": "abc1", "status": "starting"})["status"] == "starting"


@pytest.mark.parametrize("document", [None, [], {}, {"id": 7}, {"id": "../x"}, {"id": ""}])
def test_anything_else_is_none(document: Any) -> None:
    with pytest.raises(BadResponse):
        started(document)
