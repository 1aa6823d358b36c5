"""A caller's fields in Google's places."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegate.adapters.google_shape.fields import merged, placed


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"aspect_ratio": "4:5"}, {"generationConfig": {"imageConfig": {"aspectRatio": "4:5"}}}),
        ({"aspectRatio": "4:5"}, {"generationConfig": {"imageConfig": {"aspectRatio": "4:5"}}}),
        ({"image_config": {"aspect_ratio": "4:5"}}, {"generationConfig": {"imageConfig": {"aspectRatio": "4:5"}}}),
        ({"generation_config": {"imageConfig": {"imageSize": "4k"}}}, {"generationConfig": {"imageConfig": {"imageSize": "4K"}}}),
        ({"image_size": "2k"}, {"generationConfig": {"imageConfig": {"imageSize": "2K"}}}),
        ({"resolution": "1k"}, {"generationConfig": {"imageConfig": {"imageSize": "1K"}}}),
        ({"person_generation": "X"}, {"generationConfig": {"imageConfig": {"personGeneration": "X"}}}),
        ({"prominent_people": "X"}, {"generationConfig": {"imageConfig": {"prominentPeople": "X"}}}),
        ({"thinking_level": "high"}, {"generationConfig": {"thinkingConfig": {"thinkingLevel": "high"}}}),
        ({"thinkingConfig": {"thinking_budget": 9}}, {"generationConfig": {"thinkingConfig": {"thinkingBudget": 9}}}),
        ({"include_thoughts": "true"}, {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}),
        ({"seed": "7", "temperature": "0.5"}, {"generationConfig": {"seed": 7, "temperature": 0.5}}),
        ({"top_p": 0.9, "topK": 3, "max_output_tokens": 9}, {"generationConfig": {"topP": 0.9, "topK": 3, "maxOutputTokens": 9}}),
        ({"media_resolution": "X"}, {"generationConfig": {"mediaResolution": "X"}}),
        ({"response_modalities": ["TEXT", "IMAGE"]}, {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}),
        ({"safety_settings": [{"category": "C"}]}, {"safetySettings": [{"category": "C"}]}),
        ({"system_instruction": "Draw."}, {"systemInstruction": {"parts": [{"text": "Draw."}]}}),
        ({"systemInstruction": {"parts": []}}, {"systemInstruction": {"parts": []}}),
        ({"tools": [{"google_search": {}}], "tool_config": {"a": 1}}, {"tools": [{"google_search": {}}], "toolConfig": {"a": 1}}),
        ({"labels": {"a_b": "c"}, "cached_content": "x"}, {"labels": {"a_b": "c"}, "cachedContent": "x"}),
        (
            {"seed": 1, "aspect_ratio": "1:1", "imageConfig": {"imageSize": "1K"}},
            {"generationConfig": {"seed": 1, "imageConfig": {"aspectRatio": "1:1", "imageSize": "1K"}}},
        ),
    ],
)
def test_each_field_finds_its_place(extra: dict[str, Any], expected: dict[str, Any]) -> None:
    assert placed(extra) == expected


@pytest.mark.parametrize(
    "extra",
    [
        {"candidate_count": 3},
        {"generationConfig": {"candidateCount": 3}},
        {"contents": [{"parts": []}]},
        {"model": "other", "api_key": "x", "base_url": "http://elsewhere"},
        {"generation_config": "high"},
        {"negative_prompt": "dogs"},
    ],
)
def test_what_google_does_not_know_is_left_out(extra: dict[str, Any]) -> None:
    assert placed(extra) == {}


def test_objects_are_merged_inside_and_lists_are_not() -> None:
    under = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert merged(under, {"a": {"c": [3]}, "d": {"e": 1}}) == {"a": {"b": 1, "c": [3]}, "d": {"e": 1}}
    assert under == {"a": {"b": 1, "c": [1, 2]}, "d": 1}


_NAMES = st.sampled_from(["seed", "aspectRatio", "image_config", "generationConfig", "thinking_config", "contents", "x"])
_VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5), lambda inner: st.dictionaries(_NAMES, inner), max_leaves=8
)


@given(st.dictionaries(_NAMES, _VALUES))
def test_nothing_that_a_caller_sends_gets_elsewhere(extra: dict[str, Any]) -> None:
    assert set(placed(extra)) <= {"generationConfig"}
