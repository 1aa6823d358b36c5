"""What DashScope's image models take, and how it refuses.

Source: help.aliyun.com/zh/model-studio (qwen-image-api, qwen-image-edit-api, wan-image-generation, wanx-image-edit-api-reference,
error-code), dashscope 2.0.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.simulators import ratios
from tests.simulators.base import Refused, Reply

FUNCTIONS = {
    "stylization_all",
    "stylization_local",
    "description_edit",
    "description_edit_with_mask",
    "remove_watermark",
    "expand",
    "super_resolution",
    "colorization",
    "doodle",
    "control_cartoon_feature",
}
QWEN_SIZES = ("1664*928", "1472*1104", "1328*1328", "1104*1472", "928*1664")
REQUEST_ID = "81d868c6-6ce1-92d8-a90d-d2ee7100f0aa"


@dataclass(frozen=True, slots=True)
class Model:
    """``calls``: ways to call it. ``area``: pixels, least and most. ``default``: what it makes when no size is given."""

    calls: tuple[str, ...] = ("messages",)
    most: int = 1
    references: tuple[int, int] = (0, 0)
    default: str = "1024*1024"
    area: tuple[int, int] = (512 * 512, 2048 * 2048)
    fixed: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    sized: bool = True
    default_n: int = 1
    usage: str = "plain"
    interleaves: bool = False


_QWEN = Model(default="1664*928", fixed=QWEN_SIZES)
_QWEN_3 = Model(most=6, references=(0, 3), default="2048*2048", usage="output")
_EDIT = Model(most=6, references=(1, 3))
_WAN_27 = Model(("messages", "queue"), 4, (0, 9), "2048*2048", (768**2, 2048**2), tiers=("1K", "2K"), default_n=4, usage="tokens")
_WAN_26 = Model(("messages", "queue"), 4, (0, 0), "1280*1280", (1_625_088, 1440**2), default_n=4, usage="tokens")
_WAN_22 = Model(("text2image",), 4, area=(512**2, 1440**2), default_n=4)

MODELS: Mapping[str, Model] = {
    "qwen-image-3.0-pro": _QWEN_3,
    "qwen-image-3.0": _QWEN_3,
    "qwen-image-2.0-pro": replace(_QWEN_3, usage="plain"),
    "qwen-image-2.0": replace(_QWEN_3, usage="plain"),
    "qwen-image-max": _QWEN,
    "qwen-image-plus": replace(_QWEN, calls=("messages", "text2image")),
    "qwen-image": replace(_QWEN, calls=("messages", "text2image")),
    "qwen-image-edit-max": _EDIT,
    "qwen-image-edit-plus": _EDIT,
    "qwen-image-edit": Model(references=(1, 3), sized=False),
    "wan2.7-image-pro": replace(_WAN_27, area=(768**2, 4096**2), tiers=("1K", "2K", "4K")),
    "wan2.7-image": _WAN_27,
    "wan2.6-t2i": _WAN_26,
    "wan2.6-image": replace(_WAN_26, references=(1, 4), area=(768**2, 2048**2), tiers=("1K", "2K"), interleaves=True),
    "wan2.5-t2i-preview": Model(("text2image",), 4, default="1280*1280", area=(768**2, 1440**2), default_n=4),
    "wan2.5-i2i-preview": Model(("image2image",), 4, (1, 3), "1280*1280", (768**2, 1280**2), default_n=4),
    "wan2.2-t2i-flash": _WAN_22,
    "wan2.2-t2i-plus": _WAN_22,
    "wanx2.1-t2i-turbo": _WAN_22,
    "wanx2.1-t2i-plus": _WAN_22,
    "wanx2.1-imageedit": Model(("functions",), 4, (1, 1), sized=False, default_n=1),
    "wanx-v1": Model(("text2image",), 4, fixed=("1024*1024", "720*1280", "1280*720", "768*1152"), default_n=4),
    "z-image-turbo": Model(default="1024*1536", usage="output"),
    "z-image": Model(default="1024*1536", usage="output"),
}
_TIER_EDGES = {"1K": 1024, "2K": 2048, "4K": 4096}


def envelope(code: str, message: str) -> dict[str, Any]:
    """DashScope's error body."""
    return {"request_id": REQUEST_ID, "code": code, "message": message}


def no(status: int, code: str, message: str) -> Reply:
    """A refusal."""
    return Reply.json(envelope(code, message), status=status)


def refused(message: str, code: str = "InvalidParameter", status: int = 400) -> Refused:
    """To raise."""
    return Refused(no(status, code, message))


def interleaved(body: Mapping[str, Any], model: Model) -> Model:
    """The model as it is when it writes words and pictures in turn; itself when it is not asked to."""
    parameters = body.get("parameters", {})
    if not parameters.get("enable_interleave"):
        return model
    if not model.interleaves:
        raise refused("enable_interleave is not supported by this model.")
    if parameters.get("n", 1) != 1:
        raise refused("n must be 1 when enable_interleave is true.")
    most = parameters.get("max_images", 5)
    if not isinstance(most, int) or not 1 <= most <= 5:
        raise refused("max_images must be between 1 and 5.")
    return replace(model, references=(0, 1), area=(768**2, 1280**2), tiers=(), default="1280*1280", default_n=1)


def model_of(body: Mapping[str, Any], call: str) -> Model:
    """The model, if it can be called this way."""
    if extra := sorted(set(body) - {"model", "input", "parameters", "resources"}):
        raise refused(f"Unknown field: {extra[0]}")
    model = MODELS.get(str(body.get("model")))
    if model is None:
        raise refused("Model not exist.", "ModelNotFound", 404)
    known = {"functions" if call == "image2image" and "functions" in model.calls else call}
    if not known & set(model.calls):
        raise refused("current user api does not support asynchronous calls.", "AccessDenied", 403)
    return model


def inputs_of(body: Mapping[str, Any], call: str, model: Model) -> tuple[str, list[str]]:
    """Prompt and pictures (data urls or others), checked."""
    given = body.get("input")
    if not isinstance(given, Mapping):
        raise refused('Required input parameter "input" missing from request.', "BadRequest.EmptyInput")
    prompt, pictures = _message(given) if call in {"messages", "queue"} else _prompted(given, model)
    if not prompt:
        raise refused("Field required: input.prompt")
    least, most = model.references
    if not least <= len(pictures) <= most:
        raise refused(f"The number of images must be between {least} and {most}.")
    for picture in pictures:
        if not re.match(r"(https?|oss)://|data:image/[a-z]+;base64,", picture):
            raise refused("url error, please check url！", "InvalidURL")
    return prompt, pictures


def _message(given: Mapping[str, Any]) -> tuple[str, list[str]]:
    messages = given.get("messages")
    if not isinstance(messages, list):
        raise refused("Field required: input.messages")
    if len(messages) != 1 or messages[0].get("role") != "user":
        raise refused("Only one user message is supported.")
    content = messages[0]["content"]
    texts = [part["text"] for part in content if "text" in part]
    if len(texts) != 1:
        raise refused("Only one text is supported.")
    return texts[0], [part["image"] for part in content if "image" in part]


def _prompted(given: Mapping[str, Any], model: Model) -> tuple[str, list[str]]:
    prompt = str(given.get("prompt", ""))
    if "functions" not in model.calls:
        return prompt, list(given.get("images", []))
    function = given.get("function")
    if function not in FUNCTIONS:
        raise refused(f"function {function!r} is not supported.")
    if function == "description_edit_with_mask" and not given.get("mask_image_url"):
        raise refused("mask_image_url is required.")
    return prompt, [given["base_image_url"]] if given.get("base_image_url") else []


def size_of(body: Mapping[str, Any], model: Model, pictures: Sequence[str]) -> str:
    """``WxH`` of what will be made, checked. A tier, and nothing, mean the shape of the last picture."""
    given = body.get("parameters", {}).get("size")
    shown = pictures[-1] if pictures and pictures[-1].startswith("data:") else ""
    if given is None and shown:
        return ratios.size_of(shown) if "functions" in model.calls else ratios.about(ratios.size_of(shown), 1024**2, 16)
    if given is None:
        return model.default.replace("*", "x")
    if not model.sized:
        raise refused("size is not supported by this model.")
    if given in model.tiers:
        return ratios.about(ratios.size_of(shown) if shown else "1:1", _TIER_EDGES[given] ** 2, 16)
    if not re.fullmatch(r"\d+\*\d+", str(given)):
        raise refused(f"size must match the format of '<width>*<height>', got {given}.")
    width, height = (int(edge) for edge in given.split("*"))
    least, most = model.area
    most = min(most, 2048**2) if pictures else most
    if (model.fixed and given not in model.fixed) or not least <= width * height <= most:
        raise refused(f"size {given} is not supported.")
    if max(width, height) > 8 * min(width, height):
        raise refused("The aspect ratio must be between 1:8 and 8:1.")
    return str(given).replace("*", "x")


def count_of(body: Mapping[str, Any], model: Model) -> int:
    """How many pictures."""
    given = body.get("parameters", {}).get("n", model.default_n)
    if not isinstance(given, int) or not 1 <= given <= model.most:
        raise refused(f"num_images_per_prompt must be {'1' if model.most == 1 else f'between 1 and {model.most}'}.")
    return given
