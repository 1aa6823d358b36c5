"""Bodies for Amazon's and Stability's models."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._bedrock.bodies import Recipe, body, mask_colour, task_type
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import InvalidRequest

AMAZON = Recipe(family="amazon")
STABILITY = Recipe(mode=True)


def asked(**given: Any) -> ImageRequest:
    return ImageRequest(**{"operation": Operation.GENERATE, "model": "m", "prompt": "a cat", **given})


def test_amazons_generation() -> None:
    request = asked(n=2, size="1024x512", quality="hd", extra={"negative_prompt": "dogs", "seed": "7", "cfg_scale": 3})
    assert body(request, AMAZON, [], None, {}) == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "a cat", "negativeText": "dogs"},
        "imageGenerationConfig": {
            "numberOfImages": 2,
            "quality": "premium",
            "width": 1024,
            "height": 512,
            "seed": 7,
            "cfgScale": 3.0,
        },
    }


def test_amazons_inpainting_has_a_black_mask() -> None:
    request = asked(operation=Operation.EDIT, extra={"maskPrompt": "the sky"})
    assert task_type(request) == "INPAINTING"
    assert mask_colour(request, AMAZON) == "black"
    assert body(request, AMAZON, ["AAAA"], "BBBB", {}) == {
        "taskType": "INPAINTING",
        "inPaintingParams": {"text": "a cat", "image": "AAAA", "maskImage": "BBBB", "maskPrompt": "the sky"},
    }


@pytest.mark.parametrize(
    ("extra", "task"),
    [
        ({"colors": ["#fff"]}, "COLOR_GUIDED_GENERATION"),
        ({"outPaintingMode": "DEFAULT"}, "OUTPAINTING"),
        ({"taskType": "BACKGROUND_REMOVAL"}, "BACKGROUND_REMOVAL"),
    ],
)
def test_the_task_follows_from_what_was_sent(extra: dict[str, Any], task: str) -> None:
    assert task_type(asked(extra=extra)) == task


def test_stabilitys_generation_and_edit() -> None:
    assert body(asked(size="1536x1024", output_format="png"), STABILITY, [], None, {}) == {
        "prompt": "a cat",
        "aspect_ratio": "3:2",
        "output_format": "png",
    }
    edit = body(asked(extra={"strength": "0.4"}), STABILITY, ["AAAA"], "MMMM", {})
    assert edit == {"prompt": "a cat", "image": "AAAA", "mode": "image-to-image", "mask": "MMMM", "strength": 0.4}
    assert mask_colour(asked(), STABILITY) == "white"


def test_overrides_are_merged_into_objects() -> None:
    made = body(asked(n=2), AMAZON, [], None, {"imageGenerationConfig": {"cfgScale": 9}, "x": 1})
    assert made["imageGenerationConfig"] == {"numberOfImages": 2, "cfgScale": 9}
    assert made["x"] == 1


def test_too_many_pictures_are_refused_before_the_call() -> None:
    with pytest.raises(InvalidRequest) as caught:
        body(asked(), STABILITY, ["A", "B"], None, {})
    assert caught.value.code == "too_many_images"
