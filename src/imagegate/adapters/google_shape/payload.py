"""From a neutral request to a ``generateContent`` body.

Source: google-genai 3.4 (types.py, models.py), ai.google.dev/gemini-api/docs/image-generation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote

from imagegate.adapters.google_shape.fields import merged, placed
from imagegate.domain import sizes
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.images import ImageRequest, InputImage
from imagegate.domain.sizes import Auto, PixelSize, Ratio, Size, Tier
from imagegate.errors import InvalidRequest
from imagegate.upstream.inline import InlineImage

ImageOptions = Literal["imageConfig", "responseFormat"]
"""Where size and aspect ratio go: the old place, which every version reads, or the one that Google's newer pages show."""

_SMALL = "512"
_STEPS = ("low", "medium", "high")


def model_path(model: str) -> str:
    """A model's name as one piece of a path; ``models/`` before it is how Google's own lists write it."""
    return quote(model.removeprefix("models/"), safe="@")


def ratios_and_tiers(capabilities: Capabilities) -> tuple[Sequence[str], Sequence[str]]:
    """Aspect ratios and resolution tiers of the model, from the catalog; no tiers when it makes only one."""
    return capabilities.extra.get("ratios", ()), capabilities.extra.get("tiers", ())


def asked_size(request: ImageRequest) -> Size | None:
    """The size that the caller named; None when he left it to the model. Raises InvalidRequest."""
    size = sizes.parse_size(request.size) if request.size else None
    return None if isinstance(size, Auto) else size


def aspect_ratio(size: Size | None, ratios: Sequence[str]) -> str | None:
    """The provider's ratio for a size; None when the size says no shape."""
    return sizes.aspect_ratio(size, ratios) if ratios and isinstance(size, (PixelSize, Ratio)) else None


def tier(size: Size | None, quality: str | None, tiers: Sequence[str]) -> str | None:
    """The resolution of a size; without one, ``quality`` low, medium and high are the steps from 1K up."""
    if not tiers:
        return None
    if isinstance(size, (PixelSize, Tier)):
        return sizes.tier(size, tiers)
    steps = [name for name in tiers if name != _SMALL]
    if quality not in _STEPS or not steps:
        return None
    return {"low": steps[0], "medium": steps[len(steps) // 2], "high": steps[-1]}[quality]


def narrowed(capabilities: Capabilities, request: ImageRequest, *, tier_said: bool) -> Capabilities:
    """Quality chooses the resolution only where nothing else does; beside a size, or ``tier_said``, it says nothing."""
    sized = request.size is not None and request.size.strip().lower() != "auto"
    return replace(capabilities, qualities=()) if capabilities.qualities and (sized or tier_said) else capabilities


def says_tier(extra: Mapping[str, Any]) -> bool:
    """Whether a caller's own fields name the resolution. Raises InvalidRequest as ``placed`` does."""
    return "imageSize" in placed(extra).get("generationConfig", {}).get("imageConfig", {})


def body(
    request: ImageRequest,
    capabilities: Capabilities,
    overrides: Mapping[str, Any],
    *,
    image_options: ImageOptions = "imageConfig",
    thoughts: bool = False,
) -> dict[str, Any]:
    """The whole body. ``thoughts``: ask for the model's thoughts, drafts are among them. Raises InvalidRequest for the size."""
    caller = placed(request.extra)
    config: dict[str, Any] = {"responseModalities": ["IMAGE"]}
    if thoughts:
        config["thinkingConfig"] = {"includeThoughts": True}
    said = caller.get("generationConfig", {}).get("imageConfig", {})
    image = _image_config(request, capabilities, tier_said="imageSize" in said)
    if twice := [name for name in ("aspectRatio", "imageSize") if name in said and said[name] != image.get(name, said[name])]:
        raise InvalidRequest(f"Say the size once, by 'size' or by image_config's {twice[0]}.", param="size")
    made = merged({"generationConfig": config}, caller)
    if image:
        made = merged(made, {"generationConfig": {"imageConfig": image}})
    if image_options == "responseFormat" and "imageConfig" in made["generationConfig"]:
        made["generationConfig"]["responseFormat"] = {"image": made["generationConfig"].pop("imageConfig")}
    return merged({"contents": [{"role": "user", "parts": _parts(request)}], **made}, overrides)


def picture(image: InputImage) -> dict[str, Any]:
    """A reference picture as a part; its base64 is made while it is sent."""
    return {"inlineData": {"mimeType": image.media_type, "data": InlineImage(image)}}


def _parts(request: ImageRequest) -> list[dict[str, Any]]:
    return [*map(picture, request.images), {"text": request.prompt}]


def _image_config(request: ImageRequest, capabilities: Capabilities, *, tier_said: bool) -> dict[str, Any]:
    ratios, tiers = ratios_and_tiers(capabilities)
    size = asked_size(request)
    resolution = tier(size, None if tier_said else request.quality, tiers)
    found = {
        "aspectRatio": aspect_ratio(size, ratios),
        "imageSize": None if resolution == capabilities.extra.get("tier_unsaid") else resolution,
        "imageOutputOptions": _output(request) if capabilities.formats else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _output(request: ImageRequest) -> dict[str, Any] | None:
    """Vertex only; the Gemini API lets nobody choose the format, so its models list none."""
    if request.output_format is None:
        return None
    options: dict[str, Any] = {"mimeType": f"image/{request.output_format}"}
    if request.output_compression is not None:
        options["compressionQuality"] = request.output_compression
    return options
