"""Qianfan-Image (v3-base, o1-base, v3o): jobs in Kling's words, beside the v2 API.

Source: cloud.baidu.com/doc/qianfan-api (创建图像生成任务, 查询图像生成任务状态) and qianfan-multimodal (omni), 2026.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from imagegate.adapters._qianfan import codes
from imagegate.adapters.kling_shape import jobs
from imagegate.adapters.shape.jobs import paid
from imagegate.adapters.shape.wishes import WISHES, wished_size
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.events import ImageEvent, Progress
from imagegate.domain.images import ImageRequest
from imagegate.errors import BadResponse
from imagegate.upstream.client import Upstream
from imagegate.upstream.inline import InlineImage

_PATH = "/beta/image/qianfan-image-v1"
_TIERS = ("1k", "2k")
TAKEN = VendorFields(only=frozenset({"negative_prompt", "element_list"}), sizes=WISHES)
"""The caller's own fields that a job has a place for."""
_TOP = frozenset({"model", "type"})
_INSIDE = "model_parameters"


def body(request: ImageRequest, row: Capabilities, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The job. Pictures are base64 without a ``data:`` prefix; an override without a place of its own is a model parameter."""
    parameters = {name: value for name, value in request.extra.items() if name not in WISHES and value is not None}
    parameters.update(prompt=request.prompt, **jobs.shape(wished_size(request, row.sizes), _TIERS))
    if request.n != 1:
        parameters["n"] = request.n
    kind, pictures = row.extra["task"], [InlineImage(image) for image in request.images]
    if pictures:
        parameters.update(
            {"image_list": [{"image": picture} for picture in pictures]} if kind == "omni" else {"image": pictures[0]}
        )
    top = {name: value for name, value in overrides.items() if name in _TOP}
    rest = {name: value for name, value in overrides.items() if name not in {*_TOP, _INSIDE}}
    parameters = {**parameters, **rest, **overrides.get(_INSIDE, {})}
    return {"model": request.model, "type": kind, **top, _INSIDE: parameters}


async def events(body: Mapping[str, Any], every: float, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
    """Submit, look about every ``every`` seconds until it is done. There is no call that withdraws a job."""
    url = f"{upstream.base_url.removesuffix('/v2')}{_PATH}"
    async with upstream.post_json(url, body) as answer:
        job = jobs.name(_data(await answer.json()))
    yield Progress("the provider took the job")
    with paid():
        async with aclosing(upstream.poll(f"{url}?task_id={job}", every=every)) as looks:
            async for event in jobs.watched(looks, _data):
                yield event


def _data(document: Any) -> Mapping[str, Any]:
    """``data`` of an answer. Raises what its ``code`` says, or its words."""
    if not isinstance(document, Mapping):
        raise BadResponse("The provider answered with something that is not the JSON it should be.")
    if document.get("code") != 0:
        error = {"code": str(document.get("code") or ""), "message": document.get("message")}
        told = error if "code" in document else codes.told(document)
        raise codes.by_code(told, codes.INSIDE) or jobs.failed(told["message"])
    data = document.get("data")
    return data if isinstance(data, Mapping) else {}
