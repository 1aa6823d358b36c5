"""Lists of models."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters.shape.listed import unlisted


@pytest.mark.parametrize(
    "document",
    [
        {"object": "list", "data": [{"id": "a"}, {"id": "b/c"}]},
        {"models": [{"id": "a", "aliases": ["b/c"]}]},
        {"models": [{"name": "models/a"}, {"name": "b/c", "displayName": "d"}]},
        [{"id": "a"}, {"id": "b/c"}, "d", {"id": 3}, {}],
    ],
)
def test_what_is_not_on_the_list(document: Any) -> None:
    assert unlisted(["a", "b/c", "d"], document) == ("d",)


@pytest.mark.parametrize("document", [None, "a", [], {}, {"data": {"id": "b"}}, {"data": []}, {"error": {"message": "no"}}])
def test_what_is_no_list_says_nothing(document: Any) -> None:
    assert unlisted(["a"], document) == ()
