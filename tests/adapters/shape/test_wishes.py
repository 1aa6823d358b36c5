"""Ratio and tier as pixels of the model's rule."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters.shape.wishes import wished_size
from imagegate.domain.capabilities import SizeRule
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import InvalidRequest

FREE = SizeRule(min_edge=512, max_edge=2048, multiple=16, max_ratio=4)
FIXED = SizeRule(fixed=((1664, 928), (928, 1664), (1328, 1328)))


@pytest.mark.parametrize(
    ("rule", "size", "extra", "wished"),
    [
        (FREE, None, {}, None),
        (FREE, "auto", {}, None),
        (FREE, "1536x1024", {"aspect_ratio": "1:1"}, "1536x1024"),
        (FREE, None, {"aspect_ratio": "1:1"}, "1024x1024"),
        (FREE, "auto", {"resolution": "2k"}, "2048x2048"),
        (FREE, None, {"resolution": "2K", "aspect_ratio": "2:1"}, "2048x1024"),
        (FREE, None, {"aspect_ratio": None, "resolution": None}, None),
        (FIXED, None, {"aspect_ratio": "16:9"}, "1664x928"),
        (FIXED, None, {"aspect_ratio": "9:16", "resolution": "4K"}, "928x1664"),
    ],
)
def test_wishes(rule: SizeRule, size: str | None, extra: dict[str, Any], wished: str | None) -> None:
    request = ImageRequest(Operation.GENERATE, "m", "p", size=size, extra=extra)
    assert wished_size(request, rule) == wished


@pytest.mark.parametrize("extra", [{"aspect_ratio": "wide"}, {"aspect_ratio": 7}, {"resolution": "huge"}, {"resolution": 4}])
def test_a_wish_that_is_none_is_refused_by_name(extra: dict[str, Any]) -> None:
    request = ImageRequest(Operation.GENERATE, "m", "p", extra=extra)
    with pytest.raises(InvalidRequest) as caught:
        wished_size(request, FREE)
    assert caught.value.param == next(iter(extra))
