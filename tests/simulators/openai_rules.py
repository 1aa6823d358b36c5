"""What OpenAI's Images API accepts, as data and checks, and how it says no.

Source: openai-python 3.52 (types/image_generate_params, types/image_edit_params), openai-openapi openapi.yaml (/images/*), and
the error codes guide. Fields that start with ``x_`` stand for the parameters of tomorrow and are accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulators.base import Refused, Reply

Fields = Mapping[str, Any]

_COMMON = {"prompt", "model", "n", "size", "quality", "user"}
_GPT = {"background", "output_format", "output_compression", "stream", "partial_images", "moderation"}
_NEW = {"safety_identifier", "complexity", "frame_count", "frame_duration_ms", "svg"}
_DALLE = {"response_format", "style"}
GENERATION_FIELDS = frozenset(_COMMON | _GPT | _NEW | _DALLE)
EDIT_FIELDS = frozenset(_COMMON | _GPT | _NEW | {"input_fidelity", "response_format"})
VARIATION_FIELDS = frozenset({"model", "n", "size", "response_format", "user"})
INTEGERS = frozenset({"n", "output_compression", "partial_images", "frame_count", "frame_duration_ms"})

_THREE = frozenset({"1024x1024", "1536x1024", "1024x1536"})
_GPT_QUALITY = frozenset({"auto", "low", "medium", "high"})
_FORMATS = frozenset({"png", "jpeg", "webp", "gif", "svg"})


@dataclass(frozen=True, slots=True)
class Model:
    """One model's rules. ``sizes`` None: free sizes. ``fidelity``: the values of ``input_fidelity`` that it takes."""

    sizes: frozenset[str] | None = None
    qualities: frozenset[str] = _GPT_QUALITY
    max_prompt: int = 32_000
    max_n: int = 10
    fidelity: frozenset[str] = frozenset()
    markup: bool = False
    dalle: bool = False
    variations: bool = False


_GPT_1_5 = Model(sizes=_THREE, fidelity=frozenset({"low", "high"}))
_GPT_2_5 = Model(qualities=_GPT_QUALITY | {"xhigh", "max"}, markup=True)
MODELS: Mapping[str, Model] = {
    "gpt-image-1-mini": Model(sizes=_THREE, fidelity=frozenset({"low"})),
    "gpt-image-1.5": _GPT_1_5,
    "chatgpt-image-latest": _GPT_1_5,
    "gpt-image-2": Model(),
    "gpt-image-2-2026-04-21": Model(),
    "gpt-image-2.5-flare": _GPT_2_5,
    "gpt-image-2.5-flare-2026-09-08": _GPT_2_5,
    "gpt-image-2.5-sunburst": _GPT_2_5,
    "gpt-image-2.5-sunburst-2026-09-08": _GPT_2_5,
    "gpt-image-2.6-flare": _GPT_2_5,
    "gpt-image-2.6-sunburst": _GPT_2_5,
    # retired at OpenAI, still spoken by servers that copy its protocol
    "dall-e-2": Model(frozenset({"256x256", "512x512", "1024x1024"}), frozenset({"standard"}), 1000, dalle=True, variations=True),
    "dall-e-3": Model(
        frozenset({"1024x1024", "1792x1024", "1024x1792"}), frozenset({"standard", "hd"}), 4000, max_n=1, dalle=True
    ),
}


def envelope(message: str, type_: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """OpenAI's error body."""
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


def refused(
    message: str, param: str | None = None, code: str | None = None, *, status: int = 400, type_: str = "invalid_request_error"
) -> Refused:
    """An error to raise."""
    return Refused(Reply.json(envelope(message, type_, param, code), status=status))


def check(fields: Fields, name: str, allowed: frozenset[str]) -> Model:
    """Check everything but pictures and key; ``name``: the model. Returns its rules, raises Refused."""
    model = MODELS.get(name)
    if model is None:
        text = f"The model '{name}' does not exist or you do not have access to it."
        raise refused(text, code="model_not_found", status=404)
    _check_names(fields, model, allowed)
    for rule in (_check_prompt, _check_numbers, _check_words, _check_size, _check_output, _check_stream, _check_fidelity):
        rule(fields, model)
    return model


def _check_names(fields: Fields, model: Model, allowed: frozenset[str]) -> None:
    for field in fields:
        known = field.partition("[")[0] in allowed or field.startswith("x_")
        if not known or field in (_GPT | _NEW if model.dalle else _DALLE):
            raise refused(f"Unknown parameter: '{field}'.", field, "unknown_parameter")


def _check_prompt(fields: Fields, model: Model) -> None:
    prompt = fields.get("prompt", "")
    if not isinstance(prompt, str):
        raise refused("Invalid type for 'prompt': expected a string.", "prompt", "invalid_type")
    if len(prompt) > model.max_prompt:
        text = f"Invalid 'prompt': at most {model.max_prompt} characters, but got {len(prompt)}."
        raise refused(text, "prompt", "string_above_max_length")


def _check_numbers(fields: Fields, model: Model) -> None:
    bounds = {"n": (1, model.max_n), "partial_images": (0, 3), "output_compression": (0, 100), "frame_count": (2, 16)}
    for name, (least, most) in bounds.items():
        value = fields.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise refused(f"Invalid type for '{name}': expected an integer.", name, "invalid_type")
        if value < least:
            raise refused(f"Invalid '{name}': expected >= {least}, got {value}.", name, "integer_below_min_value")
        if value > most:
            raise refused(f"Invalid '{name}': expected <= {most}, got {value}.", name, "integer_above_max_value")


def _check_words(fields: Fields, model: Model) -> None:
    choices: dict[str, frozenset[str]] = {
        "quality": model.qualities,
        "background": frozenset({"transparent", "opaque", "auto"}),
        "output_format": _FORMATS,
        "moderation": frozenset({"auto", "low"}),
        "complexity": frozenset({"low", "medium", "high"}),
        "response_format": frozenset({"url", "b64_json"}),
        "style": frozenset({"vivid", "natural"}),
    }
    for name, allowed in choices.items():
        if name in fields:
            _check_choice(name, fields[name], allowed)


def _check_size(fields: Fields, model: Model) -> None:
    size = fields.get("size")
    if size is None or (size == "auto" and not model.dalle):
        return
    if model.sizes is not None:
        _check_choice("size", size, model.sizes)
    elif problem := _free_size_problem(str(size)):
        raise refused(f"Invalid size '{size}'. {problem}", "size", "invalid_value", type_="image_generation_user_error")


def _check_choice(name: str, value: Any, allowed: frozenset[str]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise refused(f"Invalid value: '{value}'. Supported: {sorted(allowed)}.", name, "invalid_value")


def _free_size_problem(size: str) -> str | None:
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
    if not match:
        return "Expected WIDTHxHEIGHT."
    short, long = sorted((int(match[1]), int(match[2])))
    checks: list[tuple[Callable[[], bool], str]] = [
        (lambda: long > 3840, "The longest edge may be 3840 at most."),
        (lambda: bool(short % 16 or long % 16), "Both edges must be multiples of 16."),
        (lambda: short == 0 or long > 3 * short, "The edges may differ by a factor of 3 at most."),
        (lambda: short * long < 655_360, "The picture has too few pixels."),
        (lambda: short * long > 8_294_400, "The picture has too many pixels."),
    ]
    return next((text for fails, text in checks if fails()), None)


def _check_output(fields: Fields, model: Model) -> None:
    kind = fields.get("output_format", "png")
    if fields.get("background") == "transparent" and kind not in {"png", "webp"}:
        raise refused("Transparent backgrounds need png or webp.", "background", "invalid_value")
    if fields.get("output_compression", 100) != 100 and kind not in {"jpeg", "webp"}:
        raise refused(f"{kind} output cannot be compressed.", "output_compression", "invalid_value")
    if kind == "svg" and fields.get("n", 1) != 1:
        raise refused("SVG output needs n=1.", "n", "invalid_value")
    if kind != "gif" and {"frame_count", "frame_duration_ms"} & set(fields):
        raise refused("Frames need output_format=gif.", "frame_count", "invalid_value")


def _check_stream(fields: Fields, model: Model) -> None:
    if not isinstance(fields.get("stream", False), bool):
        raise refused("Invalid type for 'stream': expected a boolean.", "stream", "invalid_type")
    if fields.get("stream") and fields.get("output_format") in {"gif", "svg"}:
        raise refused("This output format cannot be streamed.", "stream", "invalid_value")


def _check_fidelity(fields: Fields, model: Model) -> None:
    if "input_fidelity" in fields and fields["input_fidelity"] not in model.fidelity:
        text = "This model does not take this input_fidelity."
        raise refused(text, "input_fidelity", "invalid_input_fidelity_model", type_="image_generation_user_error")
