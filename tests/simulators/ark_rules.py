"""What Ark's images API accepts, per model, and how it says no.

Source: volcengine.com/docs/82379 (error codes), ModelArk's image API page (revision of 2026-10), volcengine-ark-runtime 5.0.54.
Fields that start with ``x_`` stand for the parameters of tomorrow and are accepted. Nulls count as left out: the SDK sends them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulators.base import Refused, Reply
from tests.support import pictures

TIERS = {"1K": 1024, "1.5K": 1536, "2K": 2048, "3K": 3072, "4K": 4096}
_REQUEST_ID = "0217890123456789abcdef"
_COMMON = {
    "model",
    "prompt",
    "image",
    "size",
    "response_format",
    "watermark",
    "sequential_image_generation",
    "sequential_image_generation_options",
    "stream",
    "optimize_prompt_options",
}


@dataclass(frozen=True, slots=True)
class Model:
    """One model's rules. ``default``: the size without one. ``fields``: beside the common ones."""

    tiers: tuple[str, ...]
    least: int
    most: int
    references: int
    group: bool = False
    stream: bool = False
    default: str = "2048x2048"
    fields: frozenset[str] = frozenset()
    edit_only: bool = False


_LAYERED = frozenset({"output_format", "background", "layer_decomposition"})
_PRO = Model(("1K", "1.5K", "2K"), 921_600, 4_624_220, 10, fields=_LAYERED)
_LITE = Model(("2K", "3K", "4K"), 3_686_400, 16_777_216, 14, True, True, fields=frozenset({"output_format", "tools"}))
_V45 = Model(("2K", "4K"), 3_686_400, 16_777_216, 14, True, True)
_V40 = Model(("1K", "2K", "4K"), 921_600, 16_777_216, 14, True, True)
_V30_FIELDS = frozenset({"seed", "guidance_scale", "optimize_prompt"})
_V30 = Model((), 512 * 512, 2048 * 2048, 0, default="1024x1024", fields=_V30_FIELDS)
_EDIT30 = Model(("adaptive",), 512 * 512, 2048 * 2048, 1, default="adaptive", fields=_V30_FIELDS, edit_only=True)

MODELS: Mapping[str, Model] = {
    "doubao-seedream-5-0-pro-260628": _PRO,
    "dola-seedream-5-0-pro-260628": _PRO,
    "doubao-seedream-5-0-flash-260915": _PRO,
    "dola-seedream-5-0-flash-260915": _PRO,
    "doubao-seedream-5-0-lite-260128": _LITE,
    "seedream-5-0-lite-260128": _LITE,
    "seedream-5-0-260128": _LITE,
    "doubao-seedream-4-5-251128": _V45,
    "seedream-4-5-251128": _V45,
    "doubao-seedream-4-0-250828": _V40,
    "seedream-4-0-250828": _V40,
    "doubao-seedream-3-0-t2i-250415": _V30,
    "doubao-seededit-3-0-i2i-250628": _EDIT30,
    "ep-20260601-abcde": _V40,
}


def envelope(code: str, message: str, type_: str = "BadRequest", param: str = "") -> dict[str, Any]:
    """Ark's error body; the message ends with the request id."""
    return {
        "error": {"code": code, "message": f"{message} Request id: {_REQUEST_ID}", "param": param, "type": type_},
    }


def refused(code: str, message: str, *, param: str = "", status: int = 400, type_: str = "BadRequest") -> Refused:
    """An error to raise."""
    return Refused(Reply.json(envelope(code, message, type_, param), status=status))


def check(fields: Mapping[str, Any]) -> Model:
    """Check everything but the key. Returns the model's rules, raises Refused."""
    model = MODELS.get(str(fields.get("model")))
    if model is None:
        text = f"The model or endpoint {fields.get('model')} does not exist or you do not have access to it."
        raise refused("InvalidEndpointOrModel.NotFound", text, status=404, type_="NotFound")
    for name in fields:
        if name not in _COMMON | model.fields and not name.startswith("x_"):
            raise _unsupported(name)
    if not fields.get("prompt") and not fields.get("layer_decomposition"):
        raise refused("MissingParameter", "The request failed because it is missing one or multiple required parameters.")
    references = check_references(fields, model)
    _check_size(fields.get("size"), model)
    _check_words(fields)
    if fields.get("stream") and not model.stream:
        raise _unsupported("stream")
    if fields.get("sequential_image_generation") == "auto" and not model.group:
        raise _unsupported("sequential_image_generation")
    if fields.get("layer_decomposition") and len(references) != 1:
        raise _invalid("image", "layer decomposition takes exactly one image")
    if fields.get("background") == "transparent" and not _transparent(references):
        raise _invalid("background", "a transparent background needs one PNG with transparent pixels")
    return model


def check_references(fields: Mapping[str, Any], model: Model) -> list[bytes]:
    """The pictures in ``image``, decoded; those given by http url are not fetched."""
    given = fields.get("image", [])
    listed = given if isinstance(given, list) else [given]
    if len(listed) > model.references:
        raise _invalid("image", f"the number of images must not exceed {model.references}")
    if model.edit_only and not listed:
        raise refused("MissingParameter.image", "The image is required.", param="image")
    return [data for reference in listed if (data := _decoded(reference)) is not None]


def _decoded(reference: Any) -> bytes | None:
    if not isinstance(reference, str) or not reference:
        raise refused("InvalidImageURL.EmptyURL", "The image url is empty.", param="image")
    if reference.startswith(("https://", "http://")):
        return None
    match = re.match(r"data:image/(png|jpeg|webp|bmp|tiff|gif|heic|heif);base64,", reference)
    try:
        if match is None:
            raise ValueError(reference[:20])
        data = base64.b64decode(reference[match.end() :], validate=True)
        look = pictures.look(data)
    except (ValueError, OSError) as error:
        raise refused("InvalidImageURL.InvalidFormat", "The image is not valid.", param="image") from error
    if min(look.size) <= 14:
        raise _invalid("image", "each side must be longer than 14 pixels")
    return data


def _check_size(size: Any, model: Model) -> None:
    if size is None or size in model.tiers:
        return
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", str(size))
    if match is None:
        raise _invalid("size", f"the size {size} is not supported by the current model")
    width, height = int(match[1]), int(match[2])
    if not model.least <= width * height <= model.most or max(width, height) > 16 * min(width, height):
        raise _invalid("size", f"image size must be at least {model.least} and at most {model.most} pixels")


def _check_words(fields: Mapping[str, Any]) -> None:
    choices: dict[str, set[Any]] = {
        "response_format": {"url", "b64_json"},
        "watermark": {True, False},
        "stream": {True, False},
        "sequential_image_generation": {"auto", "disabled"},
        "output_format": {"png", "jpeg"},
        "background": {"transparent", "opaque"},
        "layer_decomposition": {True, False},
    }
    for name, allowed in choices.items():
        if name in fields and (fields[name] not in allowed or isinstance(fields[name], int) != (True in allowed)):
            raise _invalid(name, f"{fields[name]!r} is not valid")
    most = (fields.get("sequential_image_generation_options") or {}).get("max_images")
    if most is not None and (not isinstance(most, int) or not 1 <= most <= 15):
        raise _invalid("sequential_image_generation_options.max_images", "must be between 1 and 15")
    for name, low, high in (("seed", -1, 2**31 - 1), ("guidance_scale", 1, 10)):
        value = fields.get(name)
        if value is not None and (isinstance(value, str | bool) or not low <= value <= high):
            raise _invalid(name, f"must be a number between {low} and {high}")


def _transparent(references: list[bytes]) -> bool:
    return len(references) == 1 and pictures.look(references[0]).mode == "RGBA"


def _unsupported(name: str) -> Refused:
    return refused("InvalidParameter", f"The parameter `{name}` is not supported by the current model.", param=name)


def _invalid(name: str, why: str) -> Refused:
    text = f"The parameter `{name}` specified in the request is not valid: {why}."
    return refused("InvalidParameter", text, param=name)
