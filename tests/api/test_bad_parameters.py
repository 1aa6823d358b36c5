"""Wrong types and impossible values of every parameter: refused by name, in JSON and in forms, before anybody is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.bad_requests import EDITS, GENERATIONS, MODEL, NARROW_KEY, Lab, check_shape
from tests.api.openai import shapes
from tests.support import pictures

WHOLE = "must be a whole number"
BETWEEN_0_AND_3 = "between 0 and 3"
BAD_NUMBERS: list[tuple[str, Any, str, str]] = [
    ("n", "x", "invalid_type", WHOLE),
    ("n", 1.5, "invalid_type", WHOLE),
    ("n", "1.5", "invalid_type", WHOLE),
    ("n", "1_0", "invalid_type", WHOLE),
    ("n", "٣", "invalid_type", WHOLE),
    ("n", "9" * 5000, "invalid_type", WHOLE),
    ("n", True, "invalid_type", WHOLE),
    ("n", [2], "invalid_type", WHOLE),
    ("n", {"value": 2}, "invalid_type", WHOLE),
    ("n", 0, "invalid_value", "at least 1"),
    ("n", -1, "invalid_value", "at least 1"),
    ("n", "0", "invalid_value", "at least 1"),
    ("n", 11, "invalid_value", "at most 10"),
    ("n", "11", "invalid_value", "at most 10"),
    ("output_compression", -1, "invalid_value", "between 0 and 100"),
    ("output_compression", 101, "invalid_value", "between 0 and 100"),
    ("output_compression", "a", "invalid_type", WHOLE),
    ("output_compression", False, "invalid_type", WHOLE),
    ("partial_images", -1, "invalid_value", BETWEEN_0_AND_3),
    ("partial_images", 4, "invalid_value", BETWEEN_0_AND_3),
    ("partial_images", "many", "invalid_type", WHOLE),
    ("frame_count", 1, "invalid_value", "between 2 and 16"),
    ("frame_count", 17, "invalid_value", "between 2 and 16"),
    ("frame_count", "all", "invalid_type", WHOLE),
    ("frame_duration_ms", 0, "invalid_value", "at least 1"),
    ("frame_duration_ms", "1s", "invalid_type", WHOLE),
]


@pytest.mark.parametrize(("name", "value", "code", "says"), BAD_NUMBERS)
def test_numbers(lab: Lab, name: str, value: Any, code: str, says: str) -> None:
    lab.refused(lab.generate(**{name: value}), 400, code, name, says=says)


@pytest.mark.parametrize("value", [10**30, -(10**30), 1e300, "9" * 20])
@pytest.mark.parametrize("name", ["n", "output_compression", "frame_count"])
def test_numbers_beyond_all_measure(lab: Lab, name: str, value: Any) -> None:
    answer = lab.generate(**{name: value})
    check_shape(answer, 400)
    assert answer.json["error"]["param"] == name
    lab.nothing_left()


BAD_SIZES = [
    "garbage",
    "0x0",
    "0x1024",
    "-1024x1024",
    "1024x-1024",
    "1024",
    "1024x",
    "x1024",
    "1024x1024x3",
    "1024.5x1024",
    "99999x99999",
    "1" * 30 + "x1024",
    "1" * 5000,
    "٣x٣",
    "0:1",
    "16:0",
    "-16:9",
    "1e3x1e3",
    "0K",
    "auto auto",
    "1024x1024; drop table",
]


@pytest.mark.parametrize("size", BAD_SIZES)
def test_sizes(lab: Lab, size: str) -> None:
    lab.refused(lab.generate(size=size), 400, "invalid_size", "size")


@pytest.mark.parametrize("fields", [{"width": 0, "height": 512}, {"width": 512, "height": -1}, {"aspect_ratio": "wide"}])
def test_sizes_in_other_words(lab: Lab, fields: dict[str, Any]) -> None:
    lab.refused(lab.generate(**fields), 400, "invalid_size", "size")


BAD_WORDS: list[tuple[str, str, str]] = [
    ("quality", "ultra", "low, medium or high"),
    ("quality", "x" * 5000, "low, medium or high"),
    ("background", "green", "auto, opaque or transparent"),
    ("output_format", "bmp", "png, jpeg, webp, gif or svg"),
    ("response_format", "png", "`url` or `b64_json`"),
]


@pytest.mark.parametrize(("name", "value", "says"), BAD_WORDS)
def test_words_that_nobody_knows(lab: Lab, name: str, value: str, says: str) -> None:
    lab.refused(lab.generate(**{name: value}), 400, "invalid_value", name, says=says)


TEXTS = [
    "prompt",
    "model",
    "size",
    "quality",
    "background",
    "output_format",
    "moderation",
    "input_fidelity",
    "style",
    "user",
    "safety_identifier",
    "complexity",
]
NOT_TEXT: list[Any] = [5, 1.5, True, ["a", "b"], {"a": 1}]


@pytest.mark.parametrize("value", NOT_TEXT, ids=str)
@pytest.mark.parametrize("name", TEXTS)
def test_what_should_be_text(lab: Lab, name: str, value: Any) -> None:
    lab.refused(lab.generate(**{name: value}), 400, "invalid_type", name, says="must be text")


@pytest.mark.parametrize("value", ["maybe", "2", 2, -1, [], ["true"], {}])
def test_stream_is_a_truth_value(lab: Lab, value: Any) -> None:
    lab.refused(lab.generate(stream=value), 400, "invalid_type", "stream", says="true or false")


@pytest.mark.parametrize("value", ["x", "[1]", "5", 5, True, [{"a": 1}]])
def test_svg_is_an_object(lab: Lab, value: Any) -> None:
    lab.refused(lab.generate(svg=value, output_format="svg"), 400, "invalid_type", "svg", says="must be an object")


@pytest.mark.parametrize("value", ["x", "[1]", 5, [1]])
def test_extra_body_is_an_object(lab: Lab, value: Any) -> None:
    lab.refused(lab.generate(extra_body=value), 400, "invalid_type", "extra_body", says="must be an object")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"output_format": "svg", "n": 2}, "n"),
        ({"output_format": "jpeg", "background": "transparent"}, "background"),
        ({"model": "gpt-image-1.5", "quality": "superb"}, "quality"),
    ],
)
def test_values_that_do_not_go_together(lab: Lab, fields: dict[str, Any], param: str) -> None:
    lab.refused(lab.generate(**fields), 400, "invalid_value", param)


FORM_VALUES = [
    ("n", "x", "invalid_type"),
    ("n", "0", "invalid_value"),
    ("size", "huge", "invalid_size"),
    ("quality", "ultra", "invalid_value"),
    ("stream", "maybe", "invalid_type"),
    ("output_compression", "101", "invalid_value"),
    ("partial_images", "-1", "invalid_value"),
    ("response_format", "png", "invalid_value"),
    ("svg", "x", "invalid_type"),
    ("prompt[]", "a dog", "invalid_type"),
    ("user[name]", "me", "invalid_type"),
]


@pytest.mark.parametrize(("name", "value", "code"), FORM_VALUES)
def test_the_same_in_forms(lab: Lab, name: str, value: str, code: str) -> None:
    given = {"model": MODEL, "prompt": "a cat", name: value}
    if name == "prompt[]":
        del given["prompt"]
    parts = [shapes.text(field, text) for field, text in given.items()]
    answer = lab.post_form([*parts, shapes.file("image", "a.png", shapes.PNG)])
    lab.refused(answer, 400, code, name.partition("[")[0])


@pytest.mark.parametrize("prompt", [None, "", " ", " \r\n\t ", "\u3000"])
@pytest.mark.parametrize("model", [MODEL, "sandbox"])
def test_a_prompt_is_needed(lab: Lab, model: str, prompt: str | None) -> None:
    answer = lab.generate(model=model, prompt=prompt)
    lab.refused(answer, 400, "missing_required_parameter", "prompt", says="`prompt` is missing")


@pytest.mark.parametrize("model", [MODEL, "sandbox"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_may_have_32000_characters(lab: Lab, model: str, stream: bool) -> None:
    answer = lab.generate(model=model, prompt="é" * 32_001, stream=stream)
    lab.refused(answer, 400, "string_above_max_length", "prompt", says="32000")


UNKNOWN_MODELS = [
    "gpt-image-9",
    "GPT-IMAGE-2",
    "gpt-image-2:nowhere",
    "nowhere:gpt-image-2",
    "../../etc/passwd",
    "http://127.0.0.1/v1",
    "sandbox/../gpt-image-2",
    "*",
    "gpt-image-?",
    "gpt image 2",
    "any-\r\nx-injected: yes",
    "any-\x00",
    "any-\u2028x",
    "any-" + "x" * 100_000,
]


@pytest.mark.parametrize("model", UNKNOWN_MODELS, ids=lambda name: ascii(name)[:40])
def test_unknown_models_are_not_found(lab: Lab, model: str) -> None:
    lab.refused(lab.generate(model=model), 404, "model_not_found", "model", says="GET /v1/models lists what is")


@pytest.mark.parametrize("model", [None, "", "null", "undefined"])
def test_without_model_and_default_a_model_is_asked_for(lab: Lab, model: str | None) -> None:
    lab.refused(lab.generate(model=model), 400, "missing_required_parameter", "model", says="`model` is missing")


def test_a_key_reaches_only_its_own_models(lab: Lab) -> None:
    as_narrow = {"Authorization": f"Bearer {NARROW_KEY}"}
    for model in (MODEL, "sandbox", "gpt-image-1.5-plus", "no-such-model"):
        answer = lab.post_json(GENERATIONS, {"model": model, "prompt": "a cat"}, as_narrow)
        lab.refused(answer, 403, "permission_denied", says=f"`{model}`")
    allowed = lab.post_json(GENERATIONS, {"model": "gpt-image-1.5", "prompt": "a cat"}, as_narrow)
    assert allowed.status == 200


def test_a_keys_default_model_must_be_its_own(tmp_path: Path) -> None:
    key = "a-key-with-a-default-model"
    row = {"name": "odd", "key": key, "models": ["sandbox"], "default_model": MODEL}
    with Lab(tmp_path, auth={"keys": [row, {"name": "test", "key": "gateway-test-key-0123456789"}]}) as lab:
        answer = lab.post_json(GENERATIONS, {"prompt": "a cat"}, {"Authorization": f"Bearer {key}"})
        lab.refused(answer, 403, "permission_denied")


@pytest.mark.parametrize("name", ["nowhere", "%2e%2e", "any-%0d%0ax-injected:%20yes", "any-%00", "%ff%fe"])
def test_deployments_that_do_not_exist(lab: Lab, name: str) -> None:
    path = f"/openai/deployments/{name}/images/generations?api-version=2026-01-01"
    lab.refused(lab.post_json(path, {"prompt": "a cat"}), 404, "model_not_found", "model")


def test_a_deployment_wins_over_the_bodys_model_and_is_checked_like_it(lab: Lab) -> None:
    path = "/openai/deployments/sandbox/images/generations"
    answer = lab.post_json(path, {"prompt": "a cat", "model": "gpt-image-1.5"}, {"Authorization": f"Bearer {NARROW_KEY}"})
    lab.refused(answer, 403, "permission_denied")


@pytest.mark.parametrize("path", [EDITS, GENERATIONS])
def test_a_refusal_of_a_stream_is_plain_json(lab: Lab, path: str) -> None:
    answer = lab.post_json(
        path, {"model": MODEL, "prompt": "a cat", "n": 0, "stream": True, "image": pictures.data_url(shapes.PNG)}
    )
    lab.refused(answer, 400, "invalid_value", "n")
