"""Request fields as clients really send them."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.api.openai.protocol import ImageFields, ParsedRequest, parse
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import InvalidRequest
from tests.support.held import held_image

TEXTS = [
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
NUMBERS = ["n", "output_compression", "partial_images", "frame_count", "frame_duration_ms"]
NEVER = [
    "api_base",
    "base_url",
    "api_key",
    "api_version",
    "user_config",
    "extra_headers",
    "organization",
    "proxy",
    "custom_host",
]


def parsed(**body: Any) -> ParsedRequest:
    """A body with a prompt."""
    return parse({"prompt": "a cat", **body})


def domain(**body: Any) -> ImageRequest:
    """The neutral request of a body with a prompt."""
    return parsed(**body).to_domain(Operation.GENERATE, "m")


def refused(**body: Any) -> InvalidRequest:
    """The refusal of a body."""
    with pytest.raises(InvalidRequest) as caught:
        parsed(**body)
    error = caught.value
    assert error.http_status == 400
    assert error.code
    assert error.message.count(". ") == 0
    assert error.message.endswith(".")
    return error


def test_every_field_reaches_the_neutral_request() -> None:
    body: dict[str, Any] = {
        **dict.fromkeys(TEXTS, "word"),
        **{name: number for number, name in enumerate(NUMBERS, start=1)},
        "svg": {"model": "m"},
        "stream": True,
        "prompt": "a dog",
        "response_format": "url",
    }
    assert set(body) == set(ImageFields.model_fields)
    read = parse(body)
    image, mask, markup = held_image(b"1"), held_image(b"2"), held_image(b"3")
    request = read.to_domain(Operation.EDIT, "resolved", [image], mask, markup)
    own = {"operation", "model", "images", "mask", "markup", "extra"}
    for item in dataclass_fields(ImageRequest):
        if item.name not in own:
            assert getattr(request, item.name) == body[item.name], item.name
    assert (request.operation, request.model) == (Operation.EDIT, "resolved")
    assert (request.images, request.mask, request.markup, request.extra) == ((image,), mask, markup, {})
    assert (read.fields.model, read.response_format, read.stream, read.dropped) == ("word", "url", True, ())


def test_what_is_not_said_stays_unsaid() -> None:
    assert domain() == ImageRequest(Operation.GENERATE, "m", "a cat")
    assert parsed().response_format is None
    assert parsed().stream is False


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [2, "2", " 2 ", "2.0", "2.", 2.0, "+2", "02"])
def test_whole_numbers_in_every_spelling(name: str, value: object) -> None:
    assert getattr(domain(**{name: value}), name) == 2


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [
        2.5,
        "2.5",
        "two",
        True,
        False,
        [2],
        {"n": 2},
        "1_0",
        "٣",
        "2e0",
        "0x2",
        "nan",
        "inf",
        "-",
        "9" * 5000,
        "9" * 21,
        1e300,
        10**18,
        -(10**18),
    ],
)
def test_anything_else_is_no_whole_number(name: str, value: object) -> None:
    error = refused(**{name: value})
    assert error.param == name
    assert error.message in {f"`{name}` must be a whole number.", f"`{name}` is out of range."}


@pytest.mark.parametrize("value", [0, -1, 11, 10**9])
def test_how_many_is_the_models_business(value: int) -> None:
    assert domain(n=value).n == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *[(value, True) for value in (True, 1, 1.0, "true", "True", "TRUE", " true ", "1", "yes", "on")],
        *[(value, False) for value in (False, 0, 0.0, "false", "False", "0", "no", "off", "", "null", "None", None)],
    ],
)
def test_truth_in_every_spelling(value: object, expected: bool) -> None:
    assert parsed(stream=value).stream is expected
    assert domain(stream=value).stream is expected


@pytest.mark.parametrize("value", [2, -1, 0.5, "maybe", "2", [], [1], {}, "truefalse"])
def test_anything_else_is_no_truth(value: object) -> None:
    error = refused(stream=value)
    assert (error.param, error.message) == ("stream", "`stream` must be true or false.")


@pytest.mark.parametrize("value", ["null", "None", "undefined", "", "  ", " null ", None])
@pytest.mark.parametrize(
    "name", [*TEXTS, *NUMBERS, "svg", "stream", "response_format", "seed", "extra_body", "width", "aspect_ratio"]
)
def test_words_for_nothing_are_nothing(name: str, value: object) -> None:
    assert parsed(**{name: value}) == parsed()


def test_a_prompt_may_be_any_text() -> None:
    for prompt in ("null", "None", " undefined ", "0", "猫\n\0"):
        assert domain(prompt=prompt).prompt == prompt


@pytest.mark.parametrize("body", [{}, {"prompt": None}, {"prompt": ""}, {"prompt": " \n\t"}])
def test_a_prompt_must_be_there(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(body).to_domain(Operation.GENERATE, "m")
    assert (caught.value.param, caught.value.code) == ("prompt", "missing_required_parameter")


@pytest.mark.parametrize("name", ["prompt", *TEXTS])
@pytest.mark.parametrize("value", [3, 1.5, True, ["x"], {"x": 1}, [], {}])
def test_texts_must_be_text(name: str, value: object) -> None:
    error = refused(**{name: value})
    assert (error.param, error.message, error.code) == (name, f"`{name}` must be text.", "invalid_type")


@pytest.mark.parametrize("value", ["b64", "URL", "json", 1, [], {}, True])
def test_a_response_format_is_one_of_two(value: object) -> None:
    error = refused(response_format=value)
    assert (error.param, error.code) == ("response_format", "invalid_value")
    assert "`url` or `b64_json`" in error.message


@pytest.mark.parametrize("value", [{"model": "m"}, '{"model":"m"}'])
def test_svg_is_an_object_also_as_text(value: object) -> None:
    assert domain(svg=value).svg == {"model": "m"}


@pytest.mark.parametrize("value", ["{", "[]", "3", [], 3, True, "text"])
def test_svg_is_nothing_but_an_object(value: object) -> None:
    error = refused(svg=value)
    assert (error.param, error.message, error.code) == ("svg", "`svg` must be an object.", "invalid_type")


def test_unknown_fields_are_kept_as_they_are() -> None:
    extra = {
        "seed": 7,
        "negative_prompt": "blurry",
        "nested": {"a": [1, {"b": None}]},
        "aspectRatios": ["1:1"],
        "model_config": 1,
        "__class__": "x",
        "model_extra": 2,
        "ünïcode": "✓",
        "operation": "edit",
        "extra": {"a": 1},
        "images": [1],
    }
    request = domain(**extra)
    assert request.extra == extra
    assert (request.operation, request.images) == (Operation.GENERATE, ())


@pytest.mark.parametrize("as_text", [False, True])
def test_extra_body_is_flattened(as_text: bool) -> None:
    inner = {"seed": 7, "quality": "high", "size": "1x1"}
    request = domain(size="2x2", extra_body=orjson.dumps(inner).decode() if as_text else inner)
    assert request.extra == {"seed": 7}
    assert (request.quality, request.size) == ("high", "2x2")


@pytest.mark.parametrize("value", [[], 3, True, "text", "[]", "3", [{"a": 1}]])
def test_extra_body_is_nothing_but_an_object(value: object) -> None:
    assert refused(extra_body=value).param == "extra_body"


@pytest.mark.parametrize("name", NEVER)
@pytest.mark.parametrize("value", ["https://evil.test", {"api_base": "https://evil.test"}, 1])
def test_destinations_and_credentials_are_left_out_and_named(name: str, value: object) -> None:
    for body in ({name: value}, {"extra_body": {name: value}}):
        read = parsed(**body, seed=1)
        assert read.dropped == (name,)
        assert read.to_domain(Operation.GENERATE, "m").extra == {"seed": 1}


def test_extra_body_hides_nothing_in_a_second_one() -> None:
    read = parsed(extra_body={"seed": 1, "extra_body": {"api_base": "https://evil.test"}})
    assert read.extra == {"seed": 1}
    assert read.dropped == ("extra_body",)


def test_what_was_left_out_is_named_in_order() -> None:
    assert parsed(**dict.fromkeys(reversed(NEVER), "x"), seed=1).dropped == tuple(sorted(NEVER))


@pytest.mark.parametrize(
    ("body", "size", "extra"),
    [
        ({"width": 1024, "height": 768}, "1024x768", {}),
        ({"width": "1024", "height": 768.0}, "1024x768", {}),
        ({"aspect_ratio": "16:9"}, "16:9", {}),
        ({"aspectRatio": "16:9"}, "16:9", {}),
        ({"aspect_ratio": "16:9", "aspectRatio": "1:1"}, "16:9", {}),
        ({"width": 2, "height": 1, "aspect_ratio": "1:1"}, "2x1", {"aspect_ratio": "1:1"}),
        ({"size": "1x1", "width": 2, "height": 3}, "1x1", {"width": 2, "height": 3}),
        ({"size": "1x1", "aspect_ratio": "16:9"}, "1x1", {"aspect_ratio": "16:9"}),
        ({"size": None, "aspect_ratio": "16:9"}, "16:9", {}),
        ({"width": 1024}, None, {"width": 1024}),
        ({"width": 1024, "height": None}, None, {"width": 1024}),
        ({"aspect_ratio": 1.5}, None, {"aspect_ratio": 1.5}),
        ({"size": "2K"}, "2K", {}),
    ],
)
def test_other_words_for_the_size(body: dict[str, Any], size: str | None, extra: dict[str, Any]) -> None:
    request = domain(**body)
    assert (request.size, request.extra) == (size, extra)


@pytest.mark.parametrize("name", ["width", "height"])
@pytest.mark.parametrize("value", ["wide", 1.5, True, [1024], {"px": 1}, "10.5", 1e300])
def test_edges_are_whole_numbers(name: str, value: object) -> None:
    error = refused(**{"width": 1024, "height": 1024, name: value})
    assert (error.param, error.code) == (name, "invalid_type")


def nested(levels: int, inside: Any = 1) -> Any:
    """Lists in objects in lists."""
    for level in range(levels):
        inside = [inside] if level % 2 else {"a": inside}
    return inside


@pytest.mark.parametrize("name", ["seed", "width", "svg", "n", "size", "extra_body"])
def test_nesting_without_end_is_refused(name: str) -> None:
    error = refused(**{name: nested(900), "height": 1})
    assert error.param in {name, "a"}


def test_nesting_that_anybody_needs_is_fine() -> None:
    value = nested(60)
    assert domain(x=value).extra == {"x": value}
    assert orjson.dumps(value)


KNOWN = st.sampled_from(
    [*ImageFields.model_fields, *NEVER, "extra_body", "width", "height", "aspect_ratio", "model_config", "copy"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "null", "1", "-1.0", "true", "{}", "[1]", "url", "16:9"])
    | st.text(max_size=10)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KNOWN | st.text(max_size=5), inner, max_size=3)
)


@given(st.dictionaries(KNOWN | st.text(max_size=8), VALUES, max_size=8))
@settings(deadline=None, max_examples=300)
def test_any_object_is_a_request_or_one_refusal(body: dict[str, Any]) -> None:
    body = orjson.loads(orjson.dumps(body))
    try:
        request = parse(body).to_domain(Operation.GENERATE, "m")
    except InvalidRequest as error:
        assert error.message.endswith(".")
        assert error.param
        assert error.code
        assert "is not valid" not in error.message
        return
    assert request.prompt == body["prompt"]
    assert not set(NEVER) & set(request.extra)
    assert "extra_body" not in request.extra
    assert orjson.dumps(dict(request.extra))
