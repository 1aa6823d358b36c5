"""Zhipu BigModel and Z.ai (CogView, GLM-Image): one call, or a queued job; pictures come as urls. The base url is the region.

Source: zai-sdk 0.2.3 (api_resource/images, types/image), docs.bigmodel.cn (图像生成, 错误码), docs.z.ai (api-code).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._zhipu import results
from imagegate.adapters.shape import failures, payload
from imagegate.adapters.shape.jobs import paid
from imagegate.adapters.shape.verdicts import by_status
from imagegate.adapters.shape.wishes import WISHES, wished_size
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent, Progress
from imagegate.domain.images import ImageRequest
from imagegate.errors import Ambiguous, GatewayError
from imagegate.upstream.client import Refusal, Upstream

_OWN_FIELDS = ("watermark_enabled", "user_id", "request_id", "sensitive_word_check")
_TAKEN = frozenset({*_OWN_FIELDS, "watermark"})
_USER_ID = range(6, 129)


class ZhipuOptions(base.Options):
    """Extras of a ``zhipu`` channel."""

    async_jobs: bool = Field(False, description="true: models that have a queue (glm-image) are ordered there and polled")
    poll_seconds: float = Field(3.0, gt=0, description="between two looks at a queued job")
    watermark_enabled: bool | None = Field(
        None, description="sent when set; Zhipu's own default is true, and false needs a signed disclaimer; a caller's value wins"
    )


class ZhipuAdapter:
    """Speaks BigModel's images API, at once or queued."""

    Options = ZhipuOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; ``extra.queue`` there: the model can be ordered as a job."""
        row = self._catalog.capabilities("zhipu", upstream_model)
        queue = {"async_jobs"} if row.extra.get("queue") else set()
        return replace(row, vendor=VendorFields(only=_TAKEN | queue, sizes=WISHES))

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """Zhipu has one name for the user, ``user_id``, of 6 to 128 characters; what cannot be sent as it is dropped."""
        row = self.capabilities(request.model)
        sent = _user(request, request.extra)
        lost = {name for name in ("user", "safety_identifier") if (value := getattr(request, name)) and value != sent}
        return replace(row, parameters=row.parameters - lost) if lost and row.parameters else row

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key as it is (no JWT needed); error texts in English where the host has them."""
        credential = {"authorization": f"Bearer {key}"} if key else {}
        return {**credential, "accept-language": "en-US,en", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call, or a job and its polls."""
        options: ZhipuOptions = channel.options
        row = self.capabilities(request.model)
        body = payload.merge(fields(request, row, options), {}, channel.overrides)
        if row.extra.get("queue") and request.extra.get("async_jobs", options.async_jobs) is True:
            async with aclosing(_queued(body, options, upstream)) as events:
                async for event in events:
                    yield event
            return
        async with upstream.post_json("/images/generations", body) as answer:
            document = await answer.json()
        for event in results.pictures(document, "data"):
            yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """By the number in ``error.code``, written as text or not."""
        error = failures.error_object(refusal.json)
        return results.by_code(error, refusal) or by_status(error, refusal)


async def _queued(body: Mapping[str, Any], options: ZhipuOptions, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
    """Zhipu has no way to cancel a job."""
    async with upstream.post_json("/async/images/generations", body) as answer:
        job = results.job_name(await answer.json())
    yield Progress("queued")
    with paid():
        async with aclosing(upstream.poll(f"/async-result/{job}", every=options.poll_seconds)) as looks:
            async for document in looks:
                status = document.get("task_status")
                if status == "SUCCESS":
                    for event in results.pictures(document, "image_result"):
                        yield event
                    return
                if status == "FAIL" or document.get("error"):
                    raise results.reason(document) or Ambiguous("The provider's job failed.")
                yield Progress("processing" if status == "PROCESSING" else "waiting")


def fields(request: ImageRequest, row: Capabilities, options: ZhipuOptions) -> dict[str, Any]:
    """The request in Zhipu's fields, ``watermark`` and ``user`` by their Zhipu names."""
    extra = request.extra
    own = {name: extra[name] for name in _OWN_FIELDS if extra.get(name) is not None}
    asked = extra.get("watermark")
    watermark = options.watermark_enabled if asked is None else asked
    if watermark is not None:
        own.setdefault("watermark_enabled", watermark)
    if user := _user(request, extra):
        own["user_id"] = user
    body: dict[str, Any] = {**own, "model": request.model, "prompt": request.prompt}
    named = {"size": wished_size(request, row.sizes), "quality": request.quality}
    return {**body, **{name: value for name, value in named.items() if value is not None}}


def _user(request: ImageRequest, extra: Mapping[str, Any]) -> Any:
    """Whom the request is for; the caller's own ``user_id`` wins."""
    named = request.safety_identifier or request.user or ""
    return extra.get("user_id") or (named if len(named) in _USER_ID else None)


ROW = base.AdapterRow(
    "zhipu",
    lambda tools: ZhipuAdapter(tools.catalog),
    ZhipuOptions,
    default_base_url="https://open.bigmodel.cn/api/paas/v4",
    key_variables=("ZHIPU_API_KEY", "ZHIPUAI_API_KEY", "ZAI_API_KEY"),
    base_url_variable="ZAI_BASE_URL",
    free_check="/models",
)
