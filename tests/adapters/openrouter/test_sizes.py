"""A size in the words that a model knows."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._openrouter.sizes import size_fields


@pytest.mark.parametrize(
    ("size", "fields"),
    [
        (None, {}),
        ("auto", {}),
        ("1000x700", {"size": "1000x700"}),
        ("2k", {"resolution": "2K"}),
        ("9:19.5", {"aspect_ratio": "9:19.5"}),
        ("square_hd", {"size": "square_hd"}),
    ],
)
def test_sizes_of_models_that_list_none(size: str | None, fields: dict[str, Any]) -> None:
    assert size_fields(size, {"modalities": ["image"]}) == fields


@pytest.mark.parametrize(
    ("size", "fields"),
    [
        ("1536x1024", {"aspect_ratio": "3:2", "resolution": "1K"}),
        ("2048x2048", {"aspect_ratio": "1:1", "resolution": "2K"}),
        ("4K", {"resolution": "4K"}),
    ],
)
def test_sizes_of_models_with_ratios_and_tiers(size: str, fields: dict[str, Any]) -> None:
    assert size_fields(size, {"ratios": ["1:1", "3:2"], "tiers": ["1K", "2K"]}) == fields
