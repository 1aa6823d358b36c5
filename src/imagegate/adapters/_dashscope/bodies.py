"""A request in each of DashScope's four dialects. A catalog row names its model's dialect in ``extra.call``.

Source: dashscope 2.0.2 (aigc/image_synthesis, aigc/image_generation, v2/resources/images), help.aliyun.com/zh/model-studio
(qwen-image-api, wan-image-generation, wanx-image-edit-api-reference).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from imagegate.adapters._dashscope.sizing import granted_size, sent_size
from imagegate.adapters.shape.typed import Kind, Kinds, typed
from imagegate.adapters.shape.wishes import WISHES
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import InvalidRequest
from imagegate.upstream.inline import InlineImage


class Call(StrEnum):
    """The dialects."""

    MESSAGES = "messages"
    """One user message of pictures and a text; at once, or as a job where the row has ``extra.queue``."""
    TEXT2IMAGE = "text2image"
    """A prompt; always a job."""
    IMAGE2IMAGE = "image2image"
    """A prompt and a list of pictures; always a job."""
    FUNCTIONS = "functions"
    """A function, a prompt, one picture, perhaps a mask; always a job."""


@dataclass(frozen=True, slots=True)
class Order:
    """Where to send what. ``queued``: it becomes a job. ``headers``: those of this call alone.

    ``interleaved``: words and pictures come in turn, at once as a stream.
    """

    path: str
    body: Mapping[str, Any]
    queued: bool
    headers: Mapping[str, str]
    interleaved: bool = False


@dataclass(slots=True)
class _Placed:
    """Fields that are not ours, where DashScope wants them."""

    input: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)


_SYNTHESIS = "/services/aigc/{}/image-synthesis"
_AT_ONCE = "/services/aigc/multimodal-generation/generation"
_QUEUED = "/services/aigc/image-generation/generation"
_WORDS: Mapping[str, Kind] = {
    "seed": int,
    "prompt_extend": bool,
    "watermark": bool,
    "thinking_mode": bool,
    "enable_sequential": bool,
    "enable_interleave": bool,
    "max_images": int,
    "ref_strength": float,
    "strength": float,
    "similarity": float,
    "sketch_weight": int,
    "realisticness": int,
    "top_scale": float,
    "bottom_scale": float,
    "left_scale": float,
    "right_scale": float,
    "upscale_factor": int,
    "is_sketch": bool,
}
_KINDS: Kinds = {**_WORDS, "parameters": {**_WORDS, "n": int}}
_PARAMETERS = frozenset({*_WORDS, "negative_prompt", "ref_mode", "color_palette", "bbox_list"})
_INPUTS = frozenset({"negative_prompt", "function", "ref_img", "sketch_image_url"})
"""Words that belong beside the prompt, in the dialects that have one there."""
_OURS = frozenset({"n", "size", "style"})


def taken(row: Capabilities) -> VendorFields:
    """The caller's own fields that ``order`` and the adapter read."""
    queue = {"async_jobs"} if row.extra.get("queue") else set()
    inputs = _INPUTS if _call(row) is not Call.MESSAGES else set()
    return VendorFields(only=_PARAMETERS | inputs | queue | {"input", "parameters"}, sizes=WISHES)


def order(request: ImageRequest, row: Capabilities, overrides: Mapping[str, Any], *, queue: bool) -> Order:
    """The call for one request. ``queue``: as a job, where the model has the choice.

    Of the caller's own fields, ``parameters`` and ``input`` pass as whole objects and the documented words by themselves; what we
    map wins over them, and ``overrides`` win over everything.
    """
    call, queued = _dialect(row, queue=queue)
    own = _placed(typed(request.extra, _KINDS), call, _PARAMETERS)
    own_size = own.parameters.pop("size", None)
    own.parameters.pop("stream", None)
    last = _placed(overrides, call, _PARAMETERS | _OURS)
    interleaved = _interleaves(request, row, own.parameters)
    made = _parameters(request, row, own_size, interleaved=interleaved)
    group = _in_turn(request, own.parameters, queued=queued) if interleaved else _set(own.parameters)
    if own.parameters.get("n", request.n) != request.n and (interleaved or not group):
        raise InvalidRequest("Ask for several pictures with 'n', not with 'parameters.n'.", param="parameters.n")
    body = {
        "model": request.model,
        "input": {**own.input, **_input(request, call, own.input.get("function")), **last.input},
        "parameters": {**own.parameters, **made, **group, **last.parameters},
        **last.top,
    }
    return Order(_path(call, queued=queued), body, queued, _headers(body, queued=queued), interleaved)


def narrowed(request: ImageRequest, row: Capabilities) -> Capabilities:
    """An edit that is asked for words and pictures in turn makes pictures as large as a generation's."""
    if request.operation is not Operation.EDIT:
        return row
    own = _placed(typed(request.extra, _KINDS), _call(row), _PARAMETERS)
    return replace(row, edit_sizes=row.sizes) if _interleaves(request, row, own.parameters) else row


def _dialect(row: Capabilities, *, queue: bool) -> tuple[Call, bool]:
    """How the model is called, and whether as a job. ``extra.queue``: true, or the dialect in which it takes jobs."""
    call, jobs = _call(row), row.extra.get("queue")
    if queue and isinstance(jobs, str):
        call = Call(jobs)
    return call, call is not Call.MESSAGES or (queue and bool(jobs))


def _headers(body: Mapping[str, Any], *, queued: bool) -> dict[str, str]:
    headers = {"x-dashscope-async": "enable"} if queued else {}
    if body["parameters"].get("stream") is True:
        headers["x-dashscope-sse"] = "enable"
    if _names_oss(body["input"]):
        headers["x-dashscope-ossresourceresolve"] = "enable"
    return headers


def _call(row: Capabilities) -> Call:
    return Call(row.extra.get("call", Call.MESSAGES))


def _path(call: Call, *, queued: bool) -> str:
    if call is Call.MESSAGES:
        return _QUEUED if queued else _AT_ONCE
    return _SYNTHESIS.format("text2image" if call is Call.TEXT2IMAGE else "image2image")


def _placed(given: Mapping[str, Any], call: Call, parameters: frozenset[str]) -> _Placed:
    """``top`` gets what has no place; of a caller's fields it is left out (``taken``)."""
    placed = _Placed()
    for name, value in given.items():
        if name in {"input", "parameters"}:
            if not isinstance(value, Mapping):
                raise InvalidRequest(f"'{name}' must be an object.", param=name, code="invalid_type")
            getattr(placed, name).update(value)
        elif name in _INPUTS and call is not Call.MESSAGES:
            placed.input[name] = value
        elif name in parameters:
            placed.parameters[name] = value
        else:
            placed.top[name] = value
    return placed


def _set(own: Mapping[str, Any]) -> dict[str, Any]:
    """``n`` of a picture set is its length (up to 12), not how many answers are wanted: the caller's ``parameters.n`` holds."""
    return {"n": own["n"]} if own.get("enable_sequential") is True and isinstance(own.get("n"), int) else {}


def _interleaves(request: ImageRequest, row: Capabilities, own: Mapping[str, Any]) -> bool:
    """Whether words and pictures come in turn: what such a model does without pictures, and with one when it is asked to."""
    able = row.extra.get("interleaved") is not None
    return able and (request.operation is Operation.GENERATE or own.get("enable_interleave") is True)


def _in_turn(request: ImageRequest, own: Mapping[str, Any], *, queued: bool) -> dict[str, Any]:
    """``n`` counts answers and has to be 1; ``max_images`` is the most pictures of one. At once it has to be a stream."""
    most = own.get("max_images", request.n)
    return {"n": 1, "max_images": most, "enable_interleave": True, **({} if queued else {"stream": True})}


def _input(request: ImageRequest, call: Call, function: Any) -> dict[str, Any]:
    pictures = [InlineImage(image, as_url=True) for image in request.images]
    if call is Call.MESSAGES:
        content = [*({"image": picture} for picture in pictures), {"text": request.prompt}]
        return {"messages": [{"role": "user", "content": content}]}
    body: dict[str, Any] = {"prompt": request.prompt}
    if call is Call.IMAGE2IMAGE:
        body["images"] = pictures
    if call is Call.FUNCTIONS:
        body["function"] = function or ("description_edit_with_mask" if request.mask else "description_edit")
        body["base_image_url"] = pictures[0]
        if request.mask:
            body["mask_image_url"] = InlineImage(request.mask, as_url=True)
    return body


def _parameters(request: ImageRequest, row: Capabilities, own_size: Any, *, interleaved: bool) -> dict[str, Any]:
    """``n`` always and ``size`` wherever there is one: what is left out may be billed as 4 pictures of 2048x2048."""
    if own_size is None:
        size = sent_size(request, row, interleaved=interleaved)
    else:
        size = granted_size(own_size, request, row, interleaved=interleaved)
    named = {"n": request.n, "size": size, "style": request.style}
    return {name: value for name, value in named.items() if value is not None}


def _names_oss(value: Any) -> bool:
    """Whether an input is a temporary upload (``oss://``), which the API reads only when told so."""
    if isinstance(value, Mapping):
        return any(map(_names_oss, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_names_oss, value))
    return isinstance(value, str) and value.startswith("oss://")
