"""sdapi's answers and refusals in odd spellings."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._automatic1111.answers import message, param, pictures
from imagegate.domain.events import CompletedImage, Finished
from imagegate.errors import BadResponse


@pytest.mark.parametrize(
    "info", [None, "", "no json", "[]", {"all_seeds": "x"}, '{"index_of_first_image": 7, "all_seeds": [true]}']
)
def test_odd_info_costs_no_picture(info: Any) -> None:
    events = list(pictures({"images": ["data:image/png;base64,QUJD", "QUJE"], "info": info}, 1))
    assert [type(event) for event in events] == [CompletedImage, Finished]


@pytest.mark.parametrize("document", [[], None, {}, {"images": None}, {"images": [None, ""]}])
def test_no_picture(document: Any) -> None:
    with pytest.raises(BadResponse):
        list(pictures(document, 1))


@pytest.mark.parametrize(
    ("detail", "text", "field"),
    [
        ("Sampler not found", "Sampler not found", None),
        ([{"loc": ["body", "steps"], "msg": "not a number"}], "not a number", "steps"),
        ([{"msg": "odd"}], "odd", None),
        ([], [], None),
        (["x"], ["x"], None),
        (None, None, None),
    ],
)
def test_what_a_refusal_says(detail: Any, text: Any, field: str | None) -> None:
    assert (message(detail), param(detail)) == (text, field)
