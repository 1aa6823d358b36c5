"""Slots of a workflow."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._comfyui.template import filled, slots
from imagegate.errors import InvalidRequest


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{n}}", 2),
        ("{{ n }} x", "2 x"),
        ({"a": ["{{prompt}}", 1, None]}, {"a": ["{{n}}", 1, None]}),
        ("{{prompt}} {{n}}", "{{n}} 2"),
        ("{{}} {n}", "{{}} {n}"),
    ],
)
def test_slots(template: Any, result: Any) -> None:
    assert filled(template, {"n": 2, "prompt": "{{n}}"}) == result


def test_the_names_of_all_slots() -> None:
    template = {"1": {"text": "{{prompt}}, {{ style }}", "n": ["{{n}}", 1]}, "2": "{{}} {n}", "3": None}
    assert slots(template) == {"prompt", "style", "n"}
    assert slots({}) == frozenset()


def test_a_slot_without_a_value() -> None:
    with pytest.raises(InvalidRequest, match="'steps'"):
        filled({"a": ["{{steps}}"]}, {})
    with pytest.raises(InvalidRequest, match="more reference pictures"):
        filled("{{image_1}}", {"image_0": "a"})
