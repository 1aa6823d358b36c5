"""Imagen's ``:predict`` on Vertex AI: what is checked, and what comes back.

Source: google-genai 3.4 (models.py: generate_images, edit_image), cloud.google.com/vertex-ai/generative-ai/docs (Imagen API).
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tests.simulators.base import Recorded
from tests.simulators.google_content import drawn
from tests.simulators.google_errors import invalid, unknown_name
from tests.support import pictures
from tests.support.pictures import Size

_SHAPES: Mapping[str, Size] = {
    "1:1": (1024, 1024),
    "3:4": (896, 1280),
    "4:3": (1280, 896),
    "9:16": (768, 1408),
    "16:9": (1408, 768),
}
_PARAMETERS = frozenset(
    {
        "sampleCount",
        "aspectRatio",
        "sampleImageSize",
        "negativePrompt",
        "seed",
        "guidanceScale",
        "addWatermark",
        "personGeneration",
        "safetySetting",
        "language",
        "enhancePrompt",
        "includeRaiReason",
        "includeSafetyAttributes",
        "outputOptions",
        "storageUri",
        "editMode",
        "editConfig",
    }
)
_PEOPLE = frozenset({"dont_allow", "allow_adult", "allow_all"})
_SAFETY = frozenset({"block_low_and_above", "block_medium_and_above", "block_only_high", "block_none"})
REASON = "Unable to show generated images. All images were filtered out; see https://example.com/rai. Support codes: 58061214"


@dataclass(frozen=True, slots=True)
class ImagenModel:
    """``edits``: takes reference pictures. ``two``: also makes 2K. ``most``: pictures in one call."""

    edits: bool = False
    two: bool = False
    most: int = 4


MODELS: Mapping[str, ImagenModel] = {
    "imagen-4.0-generate-001": ImagenModel(two=True),
    "imagen-4.0-ultra-generate-001": ImagenModel(two=True, most=1),
    "imagen-4.0-fast-generate-001": ImagenModel(),
    "imagen-3.0-generate-002": ImagenModel(),
    "imagen-3.0-fast-generate-001": ImagenModel(),
    "imagen-3.0-capability-001": ImagenModel(edits=True),
}


def answer(request: Recorded, model: str) -> dict[str, Any]:
    """Check a request and answer it. Raises Refused."""
    body = request.json
    for name in body:
        if name not in {"instances", "parameters", "labels"}:
            raise unknown_name(name, "")
    instances, parameters = body.get("instances") or [], body.get("parameters") or {}
    if len(instances) != 1 or not isinstance(instances[0].get("prompt"), str):
        raise invalid("Exactly one instance with a prompt is required.", "instances")
    rules = MODELS[model]
    _check(parameters, rules)
    _check_references(instances[0], parameters, rules)
    return _made(instances[0]["prompt"], parameters)


def _check(parameters: Mapping[str, Any], rules: ImagenModel) -> None:
    for name in parameters:
        if name not in _PARAMETERS:
            raise unknown_name(name, "parameters")
    count = parameters.get("sampleCount", 1)
    if not isinstance(count, int) or not 1 <= count <= rules.most:
        raise invalid(f"The number of images must be between 1 and {rules.most}.", "parameters.sampleCount")
    if parameters.get("aspectRatio", "1:1") not in _SHAPES:
        raise invalid("Invalid aspect ratio.", "parameters.aspectRatio")
    if parameters.get("sampleImageSize", "1K") not in ({"1K", "2K"} if rules.two else {"1K"}):
        raise invalid("Unsupported sampleImageSize.", "parameters.sampleImageSize")
    if "seed" in parameters and parameters.get("addWatermark", True):
        raise invalid("Seed is not supported when watermark is enabled.", "parameters.seed")
    if str(parameters.get("personGeneration", "allow_adult")).lower() not in _PEOPLE:
        raise invalid("Invalid personGeneration.", "parameters.personGeneration")
    if str(parameters.get("safetySetting", "block_none")).lower() not in _SAFETY:
        raise invalid("Invalid safetySetting.", "parameters.safetySetting")
    if parameters.get("outputOptions", {}).get("mimeType", "image/png") not in {"image/png", "image/jpeg"}:
        raise invalid("Unsupported output MIME type.", "parameters.outputOptions.mimeType")


def _check_references(instance: Mapping[str, Any], parameters: Mapping[str, Any], rules: ImagenModel) -> None:
    references = instance.get("referenceImages") or []
    if not rules.edits:
        if references or "editMode" in parameters:
            raise invalid("Image editing is not supported by this model.", "instances[0].referenceImages")
        return
    if not references:
        raise invalid("Reference images are required.", "instances[0].referenceImages")
    if len({item["referenceId"] for item in references}) != len(references):
        raise invalid("Reference ids must be unique.")
    raw = _of(references, "REFERENCE_TYPE_RAW")
    if len(raw) != 1:
        raise invalid("Exactly one raw reference image is required.")
    size = _image(raw[0]).size
    masks = _of(references, "REFERENCE_TYPE_MASK")
    inside = str(parameters.get("editMode", "")).startswith("EDIT_MODE_INPAINT")
    if inside != bool(masks):
        raise invalid("A mask goes with an inpainting mode, and the mode with a mask.", "parameters.editMode")
    for mask in masks:
        _check_mask(mask, size)


def _check_mask(mask: Mapping[str, Any], size: Size) -> None:
    mode = mask.get("maskImageConfig", {}).get("maskMode")
    if mode != "MASK_MODE_USER_PROVIDED":
        if "referenceImage" in mask:
            raise invalid("A mask image needs MASK_MODE_USER_PROVIDED.")
        return
    drawn_mask = _image(mask)
    if drawn_mask.size != size:
        raise invalid("The mask must have the same dimensions as the image.")
    if drawn_mask.mode != "L" or any(drawn_mask.histogram()[1:255]):
        raise invalid("The mask must be black and white.")


def _of(references: list[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [item for item in references if item.get("referenceType") == kind]


def _image(reference: Mapping[str, Any]) -> Image.Image:
    try:
        data = base64.b64decode(reference["referenceImage"]["bytesBase64Encoded"], validate=True)
        pictures.look(data)
        return Image.open(io.BytesIO(data))
    except (KeyError, binascii.Error, OSError) as error:
        raise invalid("Unable to decode the image.", "instances[0].referenceImages") from error


def _made(prompt: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    if "[rai_all]" in prompt:
        return {}
    if "[rai_reason]" in prompt:
        return {"predictions": [{"raiFilteredReason": REASON}]}
    if "[no_bytes]" in prompt:
        return {"predictions": [{"mimeType": "image/png"}]}
    width, height = _SHAPES[parameters.get("aspectRatio", "1:1")]
    times = 2 if parameters.get("sampleImageSize") == "2K" else 1
    media_type = parameters.get("outputOptions", {}).get("mimeType", "image/png")
    item: dict[str, Any] = {"mimeType": media_type, "bytesBase64Encoded": drawn(media_type, (width * times, height * times))}
    if parameters.get("enhancePrompt"):
        item["prompt"] = f"A detailed picture: {prompt}"
    predictions = [dict(item) for _ in range(parameters.get("sampleCount", 1))]
    if "[rai_one]" in prompt:
        predictions[0] = {"raiFilteredReason": REASON}
    return {"predictions": predictions}
