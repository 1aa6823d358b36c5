"""A request in the words of Bedrock's model families: Amazon's (Nova Canvas, Titan) and Stability's. Pure.

Source: docs.aws.amazon.com/nova (image generation), docs.aws.amazon.com/bedrock (Titan, Stability AI, Image Services).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from imagegate.adapters.shape import payload
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.domain.capabilities import Capabilities, Decider, SizeRule, VendorFields
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, aspect_ratio, parse_size
from imagegate.errors import InvalidRequest

RATIOS = ("1:1", "16:9", "9:16", "3:2", "2:3", "5:4", "4:5", "21:9", "9:21")
"""What ``aspect_ratio`` of Stability's models takes."""

_KINDS: Kinds = {
    "seed": int,
    "cfg_scale": float,
    "cfgScale": float,
    "similarityStrength": float,
    "controlStrength": float,
    "strength": float,
    "control_strength": float,
    "fidelity": float,
    "creativity": float,
    "grow_mask": int,
    **dict.fromkeys(("left", "right", "up", "down"), int),
}
_CONFIG = {"seed": "seed", "cfg_scale": "cfgScale", "cfgScale": "cfgScale"}
_PARAMS = {
    "negative_prompt": "negativeText",
    **{
        name: name
        for name in (
            "negativeText",
            "similarityStrength",
            "controlMode",
            "controlStrength",
            "colors",
            "maskPrompt",
            "outPaintingMode",
            "style",
        )
    },
}


class Recipe(BaseModel):
    """How a model is called. ``images``: names of its reference pictures. ``prompt``: it takes one. ``mode``: edits say so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Literal["amazon", "stability"] = "stability"
    images: tuple[str, ...] = ("image",)
    prompt: bool = True
    mode: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One of Amazon's task types: its object of parameters, where pictures go, and what else it takes.

    ``config``: ``imageGenerationConfig``, with the number of pictures, their quality and seed.
    """

    params: str
    images: tuple[str, ...] = ()
    text: bool = True
    size: bool = True
    config: bool = True
    mask_edit: Literal["white", "black"] = "black"


TASKS: Mapping[str, Task] = {
    "TEXT_IMAGE": Task("textToImageParams", ("conditionImage",)),
    "COLOR_GUIDED_GENERATION": Task("colorGuidedGenerationParams", ("referenceImage",)),
    "IMAGE_VARIATION": Task("imageVariationParams", ("images",)),
    "INPAINTING": Task("inPaintingParams", ("image",), size=False),
    "OUTPAINTING": Task("outPaintingParams", ("image",), size=False, mask_edit="white"),
    "BACKGROUND_REMOVAL": Task("backgroundRemovalParams", ("image",), text=False, size=False, config=False),
    "VIRTUAL_TRY_ON": Task("virtualTryOnParams", ("sourceImage", "referenceImage"), text=False),
}


_CONFIG_OBJECT = "imageGenerationConfig"


def taken(recipe: Recipe) -> VendorFields:
    """The caller's own fields that ``body`` reads: with Amazon's models known ones and whole objects, with Stability's all."""
    if recipe.family == "stability":
        return VendorFields(sizes=frozenset({"aspect_ratio"}))
    objects = {_CONFIG_OBJECT, *(task.params for task in TASKS.values())}
    return VendorFields(only=frozenset({"taskType", *_PARAMS, *_CONFIG, *objects}))


def narrowed(row: Capabilities, name: str) -> Capabilities:
    """What one of Amazon's models can do in one task."""
    task = TASKS[name]
    config = {_CONFIG_OBJECT, *_CONFIG} if task.config else set()
    vendor = VendorFields(only=frozenset({"taskType", task.params, *_PARAMS, *config}))
    sizes = row.sizes if task.size else SizeRule(decided_by=Decider.INPUT, policy=row.sizes.policy)
    row = replace(row, vendor=vendor, sizes=sizes, edit_sizes=None, mask_sizes=None)
    return row if task.config else replace(row, max_n=1, qualities=())


def task_type(request: ImageRequest) -> str:
    """What is to be done: as the caller names it, else by what he sent."""
    asked = request.extra.get("taskType")
    if isinstance(asked, str) and asked in TASKS:
        return asked
    if asked is not None:
        raise InvalidRequest(f"'taskType' must be one of {', '.join(TASKS)}.", param="taskType")
    if "outPaintingMode" in request.extra:
        return "OUTPAINTING"
    if request.mask is not None or "maskPrompt" in request.extra:
        return "INPAINTING"
    if "colors" in request.extra:
        return "COLOR_GUIDED_GENERATION"
    return "IMAGE_VARIATION" if request.images and "controlMode" not in request.extra else "TEXT_IMAGE"


def mask_colour(request: ImageRequest, recipe: Recipe) -> Literal["white", "black"]:
    """The colour of what may change."""
    return TASKS[task_type(request)].mask_edit if recipe.family == "amazon" else "white"


def body(
    request: ImageRequest, recipe: Recipe, pictures: Sequence[str], mask: str | None, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """The whole body. ``pictures``, ``mask``: base64. Objects of ``overrides`` are merged into ours."""
    write = _amazon if recipe.family == "amazon" else _stability
    made = write(request, recipe, pictures, mask)
    return {**made, **{name: _joined(made.get(name), value) for name, value in overrides.items()}}


def _amazon(request: ImageRequest, recipe: Recipe, pictures: Sequence[str], mask: str | None) -> dict[str, Any]:
    name = task_type(request)
    task = TASKS[name]
    extra = typed(request.extra, _KINDS)
    params = {**_given(extra, task.params), **_placed(extra, _PARAMS)}
    config = {**_given(extra, _CONFIG_OBJECT), **_placed(extra, _CONFIG)}
    if task.text:
        params["text"] = request.prompt
    if task.images == ("images",):
        params["images"] = list(pictures)
    else:
        params.update(_named(task.images, pictures))
    if mask is not None:
        params["maskImage"] = mask
    if request.n != 1:
        config["numberOfImages"] = request.n
    if request.quality is not None:
        config["quality"] = "premium" if request.quality == "hd" else request.quality
    if size := _pixels(request.size):
        config.update(width=size.width, height=size.height)
    made = {"taskType": name, task.params: params}
    return {**made, _CONFIG_OBJECT: config} if task.config and config else made


def _stability(request: ImageRequest, recipe: Recipe, pictures: Sequence[str], mask: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {"prompt": request.prompt} if recipe.prompt else {}
    made.update(_named(recipe.images, pictures))
    if recipe.mode and pictures:
        made["mode"] = "image-to-image"
    if size := _pixels(request.size):
        made["aspect_ratio"] = aspect_ratio(size, RATIOS)
    if request.output_format is not None:
        made["output_format"] = request.output_format
    if mask is not None:
        made["mask"] = mask
    return payload.merge(made, typed(request.extra, _KINDS), {})


def _named(names: Sequence[str], pictures: Sequence[str]) -> dict[str, str]:
    if len(pictures) > len(names):
        message = f"{len(pictures)} pictures were sent; what is asked of this model takes {len(names)}."
        raise InvalidRequest(message, param="image", code="too_many_images")
    return dict(zip(names, pictures, strict=False))


def _pixels(size: str | None) -> PixelSize | None:
    wanted = parse_size(size) if size else None
    return wanted if isinstance(wanted, PixelSize) else None


def _given(extra: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object that the caller wrote in the provider's own words."""
    value = extra.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def _placed(extra: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {there: extra[here] for here, there in names.items() if extra.get(here) is not None}


def _joined(ours: Any, theirs: Any) -> Any:
    return {**ours, **theirs} if isinstance(ours, Mapping) and isinstance(theirs, Mapping) else theirs
