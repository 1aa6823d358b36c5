"""A caller's fields in Google's places."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from imagegate.adapters.google_shape.fields import TAKEN, merged, placed, plain
from imagegate.errors import InvalidRequest

NOT_FOR_PICTURES = {"audio_transcription_config", "continuation_token", "generation_output_config"}
"""Parameters of google-genai's GenerateContentConfig that are dropped and named; the last one names a destination."""


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
        {"contents": [{"parts": []}]},
        {"model": "other", "api_key": "x", "base_url": "http://elsewhere"},
        {"negative_prompt": "dogs"},
    ],
)
def test_what_google_does_not_know_is_left_out(extra: dict[str, Any]) -> None:
    assert placed(extra) == {}


@pytest.mark.parametrize(
    ("extra", "param"),
    [
        ({"generationConfig": {"candidateCount": 3}}, "generationConfig.candidateCount"),
        ({"generation_config": {"candidate_count": 3}}, "generationConfig.candidate_count"),
        ({"generation_config": "high"}, "generation_config"),
        ({"image_config": ["1:1"]}, "image_config"),
        ({"generation_config": {"image_config": 1}}, "image_config"),
    ],
)
def test_what_cannot_be_placed_is_refused_by_name(extra: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        placed(extra)
    assert caught.value.param == param


def test_what_is_new_inside_an_object_is_googles_business() -> None:
    extra = {"generation_config": {"newKnob": 1, "image_config": {"new_thing": {"seed": "2"}}}}
    assert placed(extra) == {"generationConfig": {"newKnob": 1, "imageConfig": {"new_thing": {"seed": "2"}}}}


def test_whatever_is_taken_has_a_place_and_google_genais_parameters_are_taken() -> None:
    assert TAKEN.only is not None
    objects = {"generationConfig", "imageConfig", "thinkingConfig"}
    for name in TAKEN.only | TAKEN.sizes:
        value = {"x": 1} if plain(name) in map(str.lower, objects) else 1
        assert placed({name: value}), name
    ours = {
        *("http_options", "should_return_http_response", "automatic_function_calling", "automatic_continuation"),  # the SDK's
        "candidate_count",
    }
    documented = set(types.GenerateContentConfig.model_fields) | set(types.ImageConfig.model_fields) - ours
    assert {name for name in documented - ours if not TAKEN.takes(name)} == NOT_FOR_PICTURES


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
    try:
        found = placed(extra)
    except InvalidRequest:
        return
    assert set(found) <= {"generationConfig"}
