"""A neutral request as a ``generateContent`` body."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from imagegate.adapters.google_shape.fields import TAKEN
from imagegate.adapters.google_shape.payload import body, model_path, narrowed, says_tier
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.rules import adjust
from imagegate.errors import InvalidRequest
from tests.adapters.simulated import catalog
from tests.support.held import held_image

CATALOG = catalog()
PRO, FLASH, OLD, LITE = "gemini-3-pro-image", "gemini-3.1-flash-image", "gemini-2.5-flash-image", "gemini-3.1-flash-lite-image"


def config(model: str, adapter: str = "gemini", **given: Any) -> dict[str, Any]:
    """The generationConfig of a request as the relay would hand it over."""
    capabilities = replace(CATALOG.capabilities(adapter, model), vendor=TAKEN)
    request = adjust(ImageRequest(Operation.GENERATE, model, "x", **given), capabilities).request
    made: dict[str, Any] = body(request, capabilities, {})["generationConfig"]
    return made


@pytest.mark.parametrize(
    ("model", "given", "image"),
    [
        (PRO, {}, None),
        (PRO, {"size": "auto", "quality": "auto"}, None),
        (PRO, {"size": "1024x1024"}, {"aspectRatio": "1:1", "imageSize": "1K"}),
        (PRO, {"size": "2048x2048"}, {"aspectRatio": "1:1", "imageSize": "2K"}),
        (PRO, {"size": "4096x4096"}, {"aspectRatio": "1:1", "imageSize": "4K"}),
        (PRO, {"size": "1536x1024"}, {"aspectRatio": "3:2", "imageSize": "1K"}),
        (PRO, {"size": "1024x1792"}, {"aspectRatio": "9:16", "imageSize": "1K"}),
        (PRO, {"size": "16:9"}, {"aspectRatio": "16:9", "imageSize": "1K"}),
        (PRO, {"size": "1024x1024", "quality": "high"}, {"aspectRatio": "1:1", "imageSize": "1K"}),
        (PRO, {"quality": "low"}, {"imageSize": "1K"}),
        (PRO, {"quality": "medium"}, {"imageSize": "2K"}),
        (PRO, {"quality": "high"}, {"imageSize": "4K"}),
        (PRO, {"quality": "hd"}, {"imageSize": "4K"}),
        (PRO, {"quality": "high", "extra": {"image_size": "1K"}}, {"imageSize": "1K"}),
        (PRO, {"quality": "low", "extra": {"aspect_ratio": "4:5"}}, {"aspectRatio": "4:5", "imageSize": "1K"}),
        (PRO, {"size": "1024x1024", "extra": {"aspect_ratio": "4:5"}}, {"aspectRatio": "1:1", "imageSize": "1K"}),
        (PRO, {"size": "16:9", "extra": {"image_size": "4k"}}, {"aspectRatio": "16:9", "imageSize": "4K"}),
        (PRO, {"size": "9:16", "extra": {"imageSize": "2K"}}, {"aspectRatio": "9:16", "imageSize": "2K"}),
        (FLASH, {"size": "512x512"}, {"aspectRatio": "1:1", "imageSize": "512"}),
        (FLASH, {"quality": "low"}, {"imageSize": "1K"}),
        (FLASH, {"size": "384x3072"}, {"aspectRatio": "1:8", "imageSize": "1K"}),
        (LITE, {"size": "1024x1024", "quality": "high"}, {"aspectRatio": "1:1"}),
        (OLD, {"size": "864x1184"}, {"aspectRatio": "3:4"}),
        (OLD, {"quality": "high"}, None),
        ("gemini-9-image", {"size": "1536x1024"}, {"aspectRatio": "3:2"}),
        ("gemini-9-image", {"size": "2k"}, {"aspectRatio": "1:1", "imageSize": "2K"}),
        ("gemini-9-image", {"extra": {"image_size": "2k"}}, {"imageSize": "2K"}),
        ("gemini-9-image", {"size": "9:19.5"}, {"aspectRatio": "9:16"}),
    ],
)
def test_size_and_quality(model: str, given: dict[str, Any], image: dict[str, Any] | None) -> None:
    assert config(model, **given).get("imageConfig") == image


@pytest.mark.parametrize("said", [{"aspect_ratio": "4:5"}, {"image_size": "4K"}])
def test_a_size_that_is_said_twice_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        config(PRO, size="1024x1024", extra={"image_config": said})
    assert caught.value.param == "size"


def test_the_same_size_may_be_said_twice() -> None:
    made = config(PRO, size="1024x1024", extra={"image_config": {"aspect_ratio": "1:1", "person_generation": "X"}})
    assert made["imageConfig"] == {"aspectRatio": "1:1", "imageSize": "1K", "personGeneration": "X"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, True),
        ({"size": "auto"}, True),
        ({"size": "1024x1024"}, False),
        ({"size": "16:9"}, False),
        ({"extra": {"image_size": "2K"}}, False),
        ({"extra": {"generation_config": {"image_config": {"image_size": "2K"}}}}, False),
        ({"extra": {"image_config": {"aspect_ratio": "1:1"}}}, True),
    ],
)
def test_quality_counts_where_nothing_else_names_the_resolution(given: dict[str, Any], kept: bool) -> None:
    request = ImageRequest(Operation.GENERATE, PRO, "x", quality="high", **given)
    row = CATALOG.capabilities("gemini", PRO)
    adjusted = adjust(request, narrowed(row, request, tier_said=says_tier(request.extra)))
    assert (adjusted.request.quality, adjusted.dropped) == (("high", ()) if kept else (None, ("quality",)))


def test_a_word_that_is_no_size_is_the_callers() -> None:
    with pytest.raises(InvalidRequest) as caught:
        config("gemini-9-image", size="landscape")
    assert caught.value.param == "size"


def test_only_vertex_takes_a_format() -> None:
    assert "imageConfig" not in config(PRO, output_format="jpeg", output_compression=5)
    options = {"mimeType": "image/jpeg", "compressionQuality": 5}
    assert config(PRO, "vertex", output_format="jpg", output_compression=5)["imageConfig"] == {"imageOutputOptions": options}


def test_defaults_are_below_the_caller_who_is_below_the_operator() -> None:
    capabilities = CATALOG.capabilities("gemini", PRO)
    asked = {"response_modalities": ["TEXT", "IMAGE"], "seed": 1, "include_thoughts": False}
    request = ImageRequest(Operation.GENERATE, PRO, "x", extra=asked)
    made = body(request, capabilities, {"generationConfig": {"seed": 2}}, thoughts=True)
    assert made["generationConfig"] == {
        "responseModalities": ["TEXT", "IMAGE"],
        "seed": 2,
        "thinkingConfig": {"includeThoughts": False},
    }


def test_parts_are_pictures_and_then_words() -> None:
    images = (held_image(b"one", "a.png"), held_image(b"two", "b.png"))
    request = ImageRequest(Operation.EDIT, PRO, "bluer", images=images)
    parts = body(request, CATALOG.capabilities("gemini", PRO), {})["contents"][0]["parts"]
    assert [part["inlineData"]["data"].image for part in parts[:2]] == list(images)
    assert parts[2:] == [{"text": "bluer"}]


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (PRO, "gemini-3-pro-image"),
        ("models/gemini-3-pro-image", "gemini-3-pro-image"),
        ("imagegeneration@006", "imagegeneration@006"),
        ("../v1/x?key=1#y", "..%2Fv1%2Fx%3Fkey%3D1%23y"),
        ("a:generateContent", "a%3AgenerateContent"),
    ],
)
def test_a_models_name_is_one_piece_of_the_path(model: str, path: str) -> None:
    assert model_path(model) == path
