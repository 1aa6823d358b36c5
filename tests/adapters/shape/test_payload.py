"""A neutral request in OpenAI's fields."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import Any

import pytest

from imagegate.adapters.shape.payload import check_combination, fields, flatten, form, merge
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import InvalidRequest
from tests.support.held import held_image

FIRST, SECOND, MASK, MARKUP = (held_image(name.encode(), f"{name}.png") for name in ("first", "second", "mask", "markup"))
KNOWN = Capabilities(frozenset(Operation), parameters=frozenset())
EVERYTHING: dict[str, Any] = {
    "size": "1024x1024",
    "quality": "max",
    "background": "transparent",
    "output_format": "webp",
    "output_compression": 0,
    "moderation": "low",
    "input_fidelity": "high",
    "style": "vivid",
    "user": "u",
    "safety_identifier": "s",
    "complexity": "high",
    "frame_count": 9,
    "frame_duration_ms": 200,
    "svg": {"model": "m", "reasoning": {"effort": "low"}},
}


def request(**given: Any) -> ImageRequest:
    """A generation."""
    return ImageRequest(**{"operation": Operation.GENERATE, "model": "m", "prompt": "a cat", **given})


def test_what_was_left_out_stays_out() -> None:
    assert fields(request(), stream=False) == {"model": "m", "prompt": "a cat"}


def test_every_field_has_its_name() -> None:
    assert fields(request(**EVERYTHING, n=3), stream=False) == {"model": "m", "prompt": "a cat", "n": 3, **EVERYTHING}


@pytest.mark.parametrize(("formats", "sent"), [((), True), (("png", "webp"), True), (("webp",), False)])
def test_a_model_with_one_format_is_not_told_it(formats: tuple[str, ...], sent: bool) -> None:
    assert ("output_format" in fields(request(**EVERYTHING), stream=False, formats=formats)) == sent


@pytest.mark.parametrize(("stream", "sent"), [(True, {"stream": True, "partial_images": 0}), (False, {})])
def test_partial_images_are_asked_for_only_in_a_stream(stream: bool, sent: dict[str, Any]) -> None:
    body = fields(request(partial_images=0, stream=True), stream=stream)
    assert {name: value for name, value in body.items() if name in {"stream", "partial_images"}} == sent


def test_no_field_of_a_request_is_forgotten() -> None:
    """A new field of ``ImageRequest`` has to be placed here, or named as one that is no text field."""
    elsewhere = {"operation", "images", "mask", "markup", "extra"}
    known = {"model", "prompt", "n", "stream", "partial_images", *EVERYTHING}
    assert {item.name for item in dataclass_fields(ImageRequest)} == known | elsewhere


def test_precedence_is_caller_then_ours_then_the_operators() -> None:
    merged = merge({"model": "ours", "quality": "high"}, {"quality": "low", "seed": 1, "x": 1}, {"x": 2, "quality": "max"})
    assert merged == {"model": "ours", "quality": "max", "seed": 1, "x": 2}


@pytest.mark.parametrize("name", ["model", "prompt", "stream", "n", "image", "images", "mask", "markup"])
@pytest.mark.parametrize("spelling", ["{}", "{}[]", "{}[0]"])
def test_an_unknown_field_never_replaces_what_the_gateway_decides(name: str, spelling: str) -> None:
    assert merge({"model": "ours"}, {spelling.format(name): "theirs"}, {}) == {"model": "ours"}


def test_other_unknown_fields_go_on_as_they_are() -> None:
    extra = {"seed": 7, "svg[model]": "x", "negative_prompt": "y", "modelling": 1, "nested": {"a": [None]}}
    assert merge({}, extra, {}) == extra


def test_merging_changes_none_of_its_parts() -> None:
    mapped, extra, overrides = {"a": 1}, {"b": 2}, {"c": 3}
    merge(mapped, extra, overrides)["d"] = 4
    assert (mapped, extra, overrides) == ({"a": 1}, {"b": 2}, {"c": 3})


@pytest.mark.parametrize(
    ("image_field", "images", "names"),
    [
        ("image", (FIRST,), ["image"]),
        ("image", (FIRST, SECOND), ["image[]", "image[]"]),
        ("image[]", (FIRST,), ["image[]"]),
        ("image[]", (FIRST, SECOND), ["image[]", "image[]"]),
    ],
)
def test_reference_pictures_are_named_as_sdks_name_them(image_field: str, images: tuple[Any, ...], names: list[str]) -> None:
    made = form({"model": "m"}, request(images=images), image_field)
    assert [file.field for file in made.files] == names
    assert tuple(file.image for file in made.files) == images


def test_mask_and_markup_follow_the_pictures() -> None:
    made = form({"prompt": "x", "n": 2, "stream": True}, request(images=(FIRST, SECOND), mask=MASK, markup=MARKUP), "image")
    assert [(file.field, file.image) for file in made.files] == [
        ("image[]", FIRST),
        ("image[]", SECOND),
        ("mask", MASK),
        ("markup", MARKUP),
    ]
    assert list(made.fields) == [("prompt", "x"), ("n", "2"), ("stream", "true")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", [("f", "text")]),
        ("", [("f", "")]),
        (0, [("f", "0")]),
        (1.5, [("f", "1.5")]),
        (True, [("f", "true")]),
        (False, [("f", "false")]),
        (None, []),
        ({}, []),
        ([], []),
        (["a", 1, None, {"b": 1}], [("f[]", "a"), ("f[]", "1"), ("f[]", "null"), ("f[]", '{"b":1}')]),
        (("a",), [("f[]", "a")]),
        ({"a": {"b": "c", "d": None}, "e": [1]}, [("f[a][b]", "c"), ("f[e][]", "1")]),
    ],
)
def test_values_as_text_fields(value: Any, expected: list[tuple[str, str]]) -> None:
    assert list(flatten({"f": value})) == expected


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"mask": MASK, "markup": MARKUP}, "markup"),
        ({"mask": MASK, "output_format": "gif"}, "mask"),
        ({"mask": MASK, "output_format": "png"}, None),
        ({"markup": MARKUP, "output_format": "gif"}, None),
    ],
)
def test_what_cannot_be_combined(given: dict[str, Any], param: str | None) -> None:
    asked = request(operation=Operation.EDIT, images=(FIRST,), **given)
    if param is None:
        check_combination(asked, KNOWN)
        return
    with pytest.raises(InvalidRequest) as caught:
        check_combination(asked, KNOWN)
    assert caught.value.param == param
    check_combination(asked, replace(KNOWN, parameters=None))
