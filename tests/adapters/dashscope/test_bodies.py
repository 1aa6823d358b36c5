"""Requests in DashScope's dialects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from imagegate.adapters._dashscope.bodies import Order, order
from imagegate.catalog.loader import Catalog
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.rules import adjust
from imagegate.errors import InvalidRequest
from imagegate.upstream.inline import InlineImage
from tests.adapters.contract import mask, reference

CATALOG = Catalog.load()
QWEN, WAN, OLD, I2I, FUNCTIONS = (
    "qwen-image-3.0",
    "wan2.7-image-pro",
    "wan2.2-t2i-flash",
    "wan2.5-i2i-preview",
    "wanx2.1-imageedit",
)


def made(model: str, overrides: dict[str, Any] | None = None, *, queue: bool = False, **given: Any) -> Order:
    """The order for a request as the relay would hand it over."""
    row = CATALOG.capabilities("dashscope", model)
    operation = Operation.EDIT if given.get("images") else Operation.GENERATE
    asked = ImageRequest(**{"operation": operation, "model": model, "prompt": "a cat", **given})
    return order(adjust(asked, row).request, row, overrides or {}, queue=queue)


@pytest.mark.parametrize(
    ("model", "queue", "path", "queued"),
    [
        (QWEN, True, "multimodal-generation/generation", False),
        (WAN, False, "multimodal-generation/generation", False),
        (WAN, True, "image-generation/generation", True),
        (OLD, False, "text2image/image-synthesis", True),
        ("qwen-image-plus", False, "multimodal-generation/generation", False),
        ("qwen-image-plus", True, "text2image/image-synthesis", True),
        ("wan2.9-new", True, "multimodal-generation/generation", False),
    ],
)
def test_where_a_model_is_called(model: str, queue: bool, path: str, queued: bool) -> None:
    call = made(model, queue=queue)
    assert (call.path, call.queued) == (f"/services/aigc/{path}", queued)
    assert dict(call.headers) == ({"x-dashscope-async": "enable"} if queued else {})


@pytest.mark.parametrize("model", [I2I, FUNCTIONS])
def test_pictures_to_pictures_are_jobs(model: str) -> None:
    call = made(model, images=(reference(),))
    assert (call.path, call.queued) == ("/services/aigc/image2image/image-synthesis", True)


def test_references_without_known_edges_get_the_usual_size() -> None:
    unsniffed = replace(reference(300, 200), width=None, height=None)
    assert made(QWEN, images=(unsniffed,)).body["parameters"]["size"] == "1024*1024"


@pytest.mark.parametrize(
    ("model", "extra", "parameters", "inputs"),
    [
        (
            QWEN,
            {"seed": 7, "prompt_extend": False, "watermark": True},
            {"seed": 7, "prompt_extend": False, "watermark": True},
            {},
        ),
        (QWEN, {"seed": "7", "watermark": "false"}, {"seed": 7, "watermark": False}, {}),
        (QWEN, {"negative_prompt": "42"}, {"negative_prompt": "42"}, {}),
        (OLD, {"negative_prompt": "dogs"}, {}, {"negative_prompt": "dogs"}),
        (WAN, {"thinking_mode": True, "enable_sequential": True}, {"thinking_mode": True, "enable_sequential": True}, {}),
        (WAN, {"bbox_list": [[[0, 0, 9, 9]]], "color_palette": [{"hex": "#fff"}]}, None, {}),
        (QWEN, {"parameters": {"new_option": {"a": 1}, "seed": "3"}}, {"new_option": {"a": 1}, "seed": 3}, {}),
        (QWEN, {"parameters": {"seed": 3}, "seed": 4}, {"seed": 4}, {}),
        (OLD, {"input": {"new_input": 1, "negative_prompt": "x"}}, {}, {"new_input": 1, "negative_prompt": "x"}),
        ("wanx-v1", {"ref_img": "https://a/b.png", "ref_strength": "0.5", "ref_mode": "refonly"}, None, None),
        (QWEN, {"api_base": "x", "unknown": 1, "async_jobs": True}, {}, {}),
        (QWEN, {"parameters": {"size": "1536*1024", "n": 1}}, {"size": "1536*1024"}, {}),
        (WAN, {"parameters": {"size": "4K"}}, {"size": "4K"}, {}),
        ("new-model", {"parameters": {"size": "1*1"}}, {"size": "1*1"}, {}),
    ],
)
def test_the_callers_own_fields(
    model: str, extra: dict[str, Any], parameters: dict[str, Any] | None, inputs: dict[str, Any] | None
) -> None:
    body = made(model, extra=extra).body
    plain = made(model).body
    assert set(body) == {"model", "input", "parameters"}
    if inputs is None:
        assert (body["input"]["ref_img"], body["parameters"]["ref_mode"]) == ("https://a/b.png", "refonly")
        assert body["parameters"]["ref_strength"] == 0.5
        return
    assert body["parameters"] == {**plain["parameters"], **(extra if parameters is None else parameters)}
    assert body["input"] == {**plain["input"], **inputs}


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"extra": {"parameters": "no object"}}, "parameters"),
        ({"extra": {"input": [1]}}, "input"),
        ({"extra": {"parameters": {"n": 99}}}, "parameters.n"),
        ({"extra": {"parameters": {"enable_sequential": False, "n": 12}}, "n": 2}, "parameters.n"),
        ({"extra": {"parameters": {"enable_sequential": True, "n": "many"}}, "n": 2}, "parameters.n"),
        ({"extra": {"parameters": {"n": 3}}, "model": "wan2.6-image"}, "parameters.n"),
        ({"extra": {"parameters": {"size": "2048*2048"}}, "model": "wan2.6-image"}, "size"),
        ({"extra": {"parameters": {"size": "1*1"}}}, "size"),
        ({"extra": {"parameters": {"size": "1024*1024"}}, "size": "1024x1024"}, "size"),
        ({"extra": {"parameters": {"size": "1024*1024"}}, "model": "qwen-image-edit", "images": (reference(),)}, "size"),
    ],
)
def test_what_cannot_be_granted_is_refused_by_name(given: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        made(**{"model": QWEN, **given})
    assert caught.value.param == param


def test_a_caller_cannot_replace_what_we_map() -> None:
    hostile = {
        "input": {"messages": [], "prompt": "other", "base_image_url": "file:///etc/passwd", "mask_image_url": "x"},
    }
    body = made(QWEN, extra=hostile).body
    assert body["parameters"] == {"n": 1, "size": "1024*1024"}
    assert body["input"]["messages"][0]["content"] == [{"text": "a cat"}]
    picture = reference()
    edit = made(FUNCTIONS, extra=hostile, images=(picture,), mask=mask()).body
    assert edit["input"]["prompt"] == "a cat"
    assert isinstance(edit["input"]["base_image_url"], InlineImage)
    assert isinstance(edit["input"]["mask_image_url"], InlineImage)
    assert edit["parameters"] == {"n": 1}


@pytest.mark.parametrize(
    ("extra", "n"),
    [
        ({"parameters": {"enable_sequential": True, "n": 12}}, 12),
        ({"parameters": {"n": 8}, "enable_sequential": "true"}, 8),
        ({"parameters": {"enable_sequential": True}}, 2),
    ],
)
def test_a_picture_set_has_its_own_length(extra: dict[str, Any], n: int) -> None:
    assert made(WAN, extra=extra, n=2).body["parameters"]["n"] == n


def test_the_operators_overrides_win() -> None:
    overrides = {
        "watermark": False,
        "size": "1K",
        "parameters": {"seed": 1},
        "input": {"x": 2},
        "resources": [3],
        "negative_prompt": "dogs",
    }
    body = made(WAN, overrides, extra={"watermark": True, "seed": 9}, size="1024x1024").body
    assert body["parameters"] == {"n": 1, "size": "1K", "watermark": False, "seed": 1, "negative_prompt": "dogs"}
    assert body["input"]["x"] == 2 and body["resources"] == [3]


@pytest.mark.parametrize(
    ("extra", "masked", "function"),
    [
        ({}, False, "description_edit"),
        ({}, True, "description_edit_with_mask"),
        ({"function": "expand", "top_scale": 1.5}, False, "expand"),
        ({"input": {"function": "colorization"}}, False, "colorization"),
    ],
)
def test_functions(extra: dict[str, Any], masked: bool, function: str) -> None:
    body = made(FUNCTIONS, images=(reference(),), mask=mask() if masked else None, extra=extra, n=2).body
    assert body["input"]["function"] == function
    assert ("mask_image_url" in body["input"]) is masked
    assert body["parameters"] == {"n": 2, **{name: value for name, value in extra.items() if name == "top_scale"}}


def test_style_goes_where_a_model_has_one() -> None:
    assert made("wanx-v1", style="<anime>").body["parameters"]["style"] == "<anime>"
    assert "style" not in made(OLD, style="<anime>").body["parameters"]


def test_images_are_a_list_beside_the_prompt() -> None:
    body = made(I2I, images=(reference(), reference())).body
    assert [type(image) for image in body["input"]["images"]] == [InlineImage] * 2
    assert body["input"]["prompt"] == "a cat"


@pytest.mark.parametrize("url", ["oss://dashscope-instant/a.png", "https://a/b.png"])
def test_uploads_are_resolved(url: str) -> None:
    headers = made("wanx-v1", extra={"input": {"refs": [{"deep": url}]}}).headers
    assert ("x-dashscope-ossresourceresolve" in headers) is url.startswith("oss")
