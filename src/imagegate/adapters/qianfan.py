"""Baidu Qianfan: its v2 images API (generations, edits, models with an endpoint of their own), and Qianfan-Image's jobs.

Source: cloud.baidu.com/doc/qianfan-api (图像生成, 图像编辑, 错误码); public clients of 2026.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._qianfan import codes, tasks
from imagegate.adapters.shape import payload
from imagegate.adapters.shape.items import finished_of, pictures_of
from imagegate.adapters.shape.masks import luminance_upload
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import by_status
from imagegate.adapters.shape.wishes import WISHES, wished_size
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, ImageEvent, ImageLink
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of an answer: some models put the pictures into it."""
_OWN: Kinds = {"seed": int, "steps": int, "guidance": float, "watermark": bool, "prompt_extend": bool}
_TAKEN = VendorFields(only=frozenset({*_OWN, "negative_prompt", "refer_image", "feature"}), sizes=WISHES)
"""Of the v2 API; ``tasks.TAKEN`` are those of the jobs."""


class QianfanOptions(base.Options):
    """Extras of a ``qianfan`` channel."""

    poll_seconds: float = Field(3.0, gt=0, description="between two looks at a job of Qianfan-Image")


class QianfanAdapter:
    """Speaks Qianfan's v2 images API and its task API; ``extra.task`` of a row says which."""

    Options = QianfanOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row. In ``extra``: ``path`` of a model that has its own, ``counted`` false when it takes no ``n``, and
        ``refer_image`` when its references go with a generation."""
        row = self._catalog.capabilities("qianfan", upstream_model)
        return replace(row, vendor=tasks.TAKEN if row.extra.get("task") else _TAKEN)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """There is one name for the user, and ``safety_identifier`` is the better one."""
        row = self.capabilities(request.model)
        twice = request.user and request.safety_identifier and row.parameters
        return replace(row, parameters=row.parameters - {"user"}) if twice and row.parameters else row

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key (``bce-v3/ALTAK-…``)."""
        return {**({"authorization": f"Bearer {key}"} if key else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call, or a job and its polls."""
        options: QianfanOptions = channel.options
        row = self.capabilities(request.model)
        if row.extra.get("task"):
            events = tasks.events(tasks.body(request, row, channel.overrides), options.poll_seconds, upstream)
        else:
            events = self._at_once(request, row, channel, upstream)
        async with aclosing(events):
            async for event in events:
                yield _secured(event, upstream)

    async def _at_once(
        self, request: ImageRequest, row: Capabilities, channel: Channel, upstream: Upstream
    ) -> AsyncGenerator[ImageEvent]:
        if request.mask is not None:
            request = replace(request, mask=await luminance_upload(request.mask, self._executor, edit="white"))
        body = payload.merge(fields(request, row), {}, channel.overrides)
        async with upstream.post_json(path(request, row), body) as answer:
            document = await answer.json(_ANSWER_LIMIT)
        for event in pictures(document):
            yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """By the word in ``error.code``, or the number in ``error_code``; else by the status."""
        error = codes.told(refusal.json)
        return codes.by_code(error, refusal) or by_status(error, refusal)


def path(request: ImageRequest, row: Capabilities) -> str:
    """Where this model is called."""
    if own := row.extra.get("path"):
        return str(own)
    edits = request.operation is Operation.EDIT and not row.extra.get("refer_image")
    return "/images/edits" if edits else "/images/generations"


def fields(request: ImageRequest, row: Capabilities) -> dict[str, Any]:
    """The request in Qianfan's fields."""
    own = {name: value for name, value in typed(request.extra, _OWN).items() if name not in WISHES and value is not None}
    body: dict[str, Any] = {**own, "model": request.model, "prompt": request.prompt}
    if row.extra.get("counted", True):
        body["n"] = request.n
    if size := wished_size(request, row.sizes):
        body["size"] = size
    if user := request.safety_identifier or request.user:
        body["user"] = user
    if request.images:
        pictures = [InlineImage(image, as_url=True) for image in request.images]
        body["refer_image" if row.extra.get("refer_image") else "image"] = pictures[0] if len(pictures) == 1 else pictures
    if request.mask:
        body["mask"] = InlineImage(request.mask, as_url=True)
    if row.extra.get("features"):
        body.setdefault("feature", "repaint" if request.mask else "variation")
    return body


def pictures(document: Any) -> Iterator[ImageEvent]:
    """The pictures, and what was said beside them. Raises what the answer says instead, or BadResponse."""
    made = list(pictures_of(document.get("data"))) if isinstance(document, Mapping) else []
    if not made:
        error = codes.told(document)
        if error["code"] or error["message"]:
            raise codes.by_code(error, codes.INSIDE) or BadResponse("The provider reported a failure instead of a picture.")
        raise BadResponse("The provider answered without a picture.")
    yield from made
    yield finished_of(document)


def _secured(event: ImageEvent, upstream: Upstream) -> ImageEvent:
    """Qianfan writes ``http`` for results on its storage, which has ``https`` as well."""
    source = getattr(event, "source", None)
    if not isinstance(event, CompletedImage) or not isinstance(source, ImageLink) or upstream.owns(source.url):
        return event
    return replace(event, source=ImageLink(re.sub("^http://", "https://", source.url)))


ROW = base.AdapterRow(
    "qianfan",
    lambda tools: QianfanAdapter(tools.catalog, tools.executor),
    QianfanOptions,
    default_base_url="https://qianfan.baidubce.com/v2",
    key_variables=("QIANFAN_API_KEY",),
    free_check="/models",
)
