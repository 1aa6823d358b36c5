"""Texts from forms as numbers and booleans, where the provider's field is known to be one."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters.shape.typed import Kind, Kinds, typed

KINDS: Kinds = {"watermark": bool, "seed": int, "scale": float, "options": {"max_images": int}}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (bool, "true", True),
        (bool, "False", False),
        (bool, "0", False),
        (bool, "maybe", "maybe"),
        (int, "42", 42),
        (int, "-1", -1),
        (int, "4.5", "4.5"),
        (int, "9" * 400, "9" * 400),
        (float, "4.5", 4.5),
        (float, "4", 4),
        (float, "nan", "nan"),
        (float, "1e999", "1e999"),
        (float, "much", "much"),
    ],
)
def test_a_text_of_a_known_kind_is_read_and_any_other_stays(kind: Kind, text: str, value: Any) -> None:
    read = typed({"x": text}, {"x": kind})["x"]
    assert (read, type(read)) == (value, type(value))


def test_unknown_names_other_values_and_objects() -> None:
    extra = {"negative_prompt": "42", "watermark": True, "seed": None, "options": {"max_images": "4", "other": "5"}, "scale": [1]}
    assert typed(extra, KINDS) == {**extra, "options": {"max_images": 4, "other": "5"}}
    assert typed({"options": "x"}, KINDS) == {"options": "x"}
