"""What a refusal of BFL says; jobs are tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._bfl.answers import read_detail


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"detail": "Not authenticated"}, {"message": "Not authenticated"}),
        (
            {"detail": [{"loc": ["body", "width"], "msg": "too large", "type": "less_than_equal"}]},
            {"message": "width: too large", "code": "less_than_equal", "param": "width"},
        ),
        ({"detail": [{"loc": ["body"], "msg": "odd"}]}, {"message": "odd", "code": None, "param": None}),
        ({"detail": [None]}, {"message": None, "code": None, "param": None}),
        ({}, {"message": None}),
        ([], {"message": None}),
    ],
)
def test_detail(document: Any, told: dict[str, Any]) -> None:
    assert read_detail(document) == told
