"""How one model's input is written: the catalog's ``extra`` of its row, and a request in those words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from imagegate.adapters.shape.typed import Kinds
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, Ratio, Size, Tier, aspect_ratio, parse_size, tier
from imagegate.errors import InvalidRequest

KINDS: Kinds = {
    "seed": int,
    "num_inference_steps": int,
    "num_outputs": int,
    "max_images": int,
    "guidance": float,
    "guidance_scale": float,
    "strength": float,
    "prompt_strength": float,
    "image_prompt_strength": float,
    "go_fast": bool,
    "raw": bool,
    "prompt_upsampling": bool,
    "enhance_prompt": bool,
    "google_search": bool,
    "image_search": bool,
    "disable_safety_checker": bool,
    "enable_safety_checker": bool,
    "enable_web_search": bool,
    "sync_mode": bool,
}
"""Unknown fields of a multipart edit that models want as numbers and booleans."""


class Recipe(BaseModel):
    """The words of one model.

    ``prompt``, ``images``, ``mask``, ``count``, ``format``, ``compression``: names of its inputs, empty for none.
    ``several``: reference pictures are a list, numbered names (``x``, ``x_2`` …), ``x`` and a list ``xs``, or there is only one.
    ``mask_edit``: the colour of what may change. ``spelled``: formats that are spelled otherwise than OpenAI does.
    ``plain``: fields of a request that the model takes under the same name.
    ``size``: as a ratio; a ratio and a tier; ``width`` and ``height``; these two with ``size_field: custom`` beside them;
    both in an object called ``size_field``; or ``WxH`` in ``size_field``.
    ``shapes``: the ratios of sizes (``WxH``) that look as if they were of another.
    ``follow``: the ratio that keeps the shape of the picture, for edits that name no size.
    ``generate``, ``edit``, ``inpaint``: other endpoints for generations, for edits, and for edits with a mask.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str = "prompt"
    images: str = "image"
    several: Literal["list", "numbered", "both", "one"] = "one"
    mask: str = ""
    mask_edit: Literal["white", "black"] = "white"
    count: str = ""
    format: str = "output_format"
    spelled: Mapping[str, str] = {}
    compression: str = ""
    plain: tuple[str, ...] = ()
    size: Literal["none", "ratio", "tier", "pixels", "custom", "object", "word"] = "none"
    size_field: str = "image_size"
    ratios: tuple[str, ...] = ()
    shapes: Mapping[str, str] = {}
    tier_field: str = "resolution"
    tiers: tuple[str, ...] = ()
    follow: str = ""
    generate: str = ""
    edit: str = ""
    inpaint: str = ""

    @classmethod
    def of(cls, capabilities: Capabilities) -> Recipe:
        """From the catalog's row."""
        return cls.model_validate(capabilities.extra)

    def named(self, **names: str | None) -> Recipe:
        """The same with other names; None keeps what is there."""
        return self.model_copy(update={name: value for name, value in names.items() if value is not None})

    def taken(self) -> VendorFields:
        """All unknown fields but the number of pictures, which is ``n``; those that say a size give way to one."""
        words = {
            "none": (),
            "ratio": ("aspect_ratio",),
            "tier": ("aspect_ratio", self.tier_field),
            "pixels": ("width", "height"),
            "custom": (self.size_field, "width", "height"),
            "object": (self.size_field,),
            "word": (self.size_field,),
        }
        return VendorFields(never=frozenset({self.count} - {""}), sizes=frozenset(words[self.size]))

    def endpoint(self, request: ImageRequest) -> str:
        """Which of the model's endpoints serves a request."""
        if request.mask is not None and self.inpaint:
            return self.inpaint
        return (self.edit if request.images else self.generate) or request.model


def fields(request: ImageRequest, recipe: Recipe, pictures: Sequence[Any] = (), mask: Any = None) -> dict[str, Any]:
    """The request in the model's words. ``pictures`` and ``mask``: what stands for them in the body."""
    body: dict[str, Any] = {recipe.prompt: request.prompt} if recipe.prompt else {}
    body.update(shape(request.size, recipe, edits=bool(pictures) and "aspect_ratio" not in request.extra))
    if recipe.count and request.n != 1:
        body[recipe.count] = request.n
    if recipe.format and request.output_format is not None:
        body[recipe.format] = recipe.spelled.get(request.output_format, request.output_format)
    if recipe.compression and request.output_compression is not None:
        body[recipe.compression] = request.output_compression
    body.update((name, value) for name in recipe.plain if (value := getattr(request, name)) is not None)
    body.update(references(recipe, pictures))
    if mask is not None:
        body[recipe.mask] = mask
    return body


def references(recipe: Recipe, pictures: Sequence[Any]) -> dict[str, Any]:
    """The reference pictures under the model's name for them. Raises InvalidRequest for several where there is room for one."""
    if not pictures:
        return {}
    if recipe.several == "list":
        return {recipe.images: list(pictures)}
    if recipe.several == "both":
        return {recipe.images: pictures[0], f"{recipe.images}s": list(pictures)}
    if recipe.several == "one":
        if len(pictures) > 1:
            raise InvalidRequest("This model takes one reference picture.", param="image", code="too_many_images")
        return {recipe.images: pictures[0]}
    return {recipe.images + (f"_{number}" if number > 1 else ""): picture for number, picture in enumerate(pictures, 1)}


def shape(size: str | None, recipe: Recipe, *, edits: bool) -> dict[str, Any]:
    """A size in the model's words; nothing for ``auto``."""
    wanted = _read(size)
    if isinstance(wanted, PixelSize):
        return _pixels(wanted, recipe)
    if isinstance(wanted, Ratio):
        return {"aspect_ratio": str(size)}
    if isinstance(wanted, Tier):
        return {recipe.tier_field: str(size)}
    if isinstance(wanted, str):
        return {recipe.size_field: wanted}
    return {"aspect_ratio": recipe.follow} if edits and recipe.follow else {}


def _pixels(wanted: PixelSize, recipe: Recipe) -> dict[str, Any]:
    edges = {"width": wanted.width, "height": wanted.height}
    match recipe.size:
        case "ratio":
            return {"aspect_ratio": _ratio(wanted, recipe)}
        case "tier":
            return {"aspect_ratio": _ratio(wanted, recipe), recipe.tier_field: tier(wanted, recipe.tiers)}
        case "pixels":
            return edges
        case "custom":
            return {recipe.size_field: "custom", **edges}
        case "object":
            return {recipe.size_field: edges}
        case "word":
            return {recipe.size_field: str(wanted)}
        case _:
            return {}


def _ratio(wanted: PixelSize, recipe: Recipe) -> str:
    return recipe.shapes.get(str(wanted)) or aspect_ratio(wanted, recipe.ratios)


def _read(size: str | None) -> Size | str | None:
    """A size, a provider's own word such as ``portrait_16_9``, or None."""
    if size is None:
        return None
    try:
        return parse_size(size)
    except InvalidRequest:
        return size
