"""Google's counters as ours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegate.adapters.google_shape.usage import read_usage
from imagegate.domain.events import Usage

CAPTURED = {
    "promptTokenCount": 615,
    "candidatesTokenCount": 2478,
    "thoughtsTokenCount": 208,
    "totalTokenCount": 3301,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 99}, {"modality": "IMAGE", "tokenCount": 516}],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 2240}],
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (CAPTURED, Usage(615, 2686, 3301, 99, 516, 446, 2240, {"thoughts_tokens": 208})),
        ({"promptTokenCount": 12, "candidatesTokenCount": 1290, "totalTokenCount": 1302}, Usage(12, 1290, 1302, 12)),
        ({"prompt_token_count": 5, "total_token_count": 5}, Usage(5, 0, 5, 5)),
        ({"promptTokenCount": 5, "toolUsePromptTokenCount": 7, "totalTokenCount": 12}, Usage(12, 0, 12, 12)),
        ({"promptTokenCount": 9, "cachedContentTokenCount": 4}, Usage(9, 0, 9, 9, extra={"cached_tokens": 4})),
        ({"promptTokenCount": None, "promptTokensDetails": None}, Usage()),
        ({"promptTokenCount": "9", "candidatesTokenCount": -1, "promptTokensDetails": [None, {}]}, Usage()),
        (None, None),
        ([], None),
    ],
)
def test_counters(value: Any, expected: Usage | None) -> None:
    assert read_usage(value) == expected


_COUNTS = st.one_of(st.none(), st.integers(), st.booleans(), st.floats(), st.text(max_size=3))
_DETAILS = st.lists(st.fixed_dictionaries({"modality": st.sampled_from(["TEXT", "IMAGE", 3]), "tokenCount": _COUNTS}), max_size=3)


@given(st.dictionaries(st.sampled_from(sorted(CAPTURED)), st.one_of(_COUNTS, _DETAILS)))
def test_no_counter_is_ever_negative(value: dict[str, Any]) -> None:
    usage = read_usage(value)
    assert usage is not None
    assert min(usage.input_text_tokens, usage.input_image_tokens, usage.output_tokens, usage.output_text_tokens or 0) >= 0
    assert usage.total_tokens >= usage.input_tokens + usage.output_tokens
