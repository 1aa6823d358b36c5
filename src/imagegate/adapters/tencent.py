"""Tencent: TokenHub (OpenAI-like, an API key), and Cloud API 3.0 of hunyuan and aiart (signed calls, jobs).

Source: cloud.tencent.com/document/product/1823 (TokenHub), /document/api/1729 and /1668 (API 3.0); litellm ``llms/tencent``.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._tencent import cloudapi
from imagegate.adapters._tencent.signing import Call, digest_of, signed_headers
from imagegate.adapters.shape import answers, failures, payload
from imagegate.adapters.shape.jobs import paid
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent, Progress
from imagegate.domain.images import ImageRequest
from imagegate.errors import BadResponse, ContentRefused, GatewayError
from imagegate.upstream.client import Answer, Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_KINDS: Kinds = {"watermark": bool, "revise": bool, "seed": int, "layer_decomposition": bool, "Revise": int, "LogoAdd": int}
_MODERATED = 422
"""TokenHub's HTTP status when input or output did not pass."""


class TencentOptions(base.Options):
    """Extras of a ``tencent`` channel."""

    api: Literal["tokenhub", "hunyuan", "aiart"] = Field("tokenhub", description="the protocol; the last two are API 3.0")
    region: str = Field("ap-guangzhou", description="API 3.0: X-TC-Region")
    watermark: bool = Field(False, description="Tencent's own default is to draw one; a caller's `watermark` wins")
    path: str | None = Field(None, description="TokenHub: instead of the model's own path, such as /images/generations")
    poll_seconds: float = Field(2.0, gt=0, description="API 3.0: about how often a job is looked at")


class TencentAdapter:
    """Speaks both of Tencent's image APIs. ``clock``: seconds since 1970."""

    Options = TencentOptions

    def __init__(self, catalog: Catalog, clock: Callable[[], float] = time.time) -> None:
        self._catalog = catalog
        self._clock = clock

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        return self._catalog.capabilities("tencent", upstream_model)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """Cloud API 3.0 refuses unknown fields; TokenHub has no style, and not for every model a watermark."""
        row = self.capabilities(request.model)
        if channel.options.api != "tokenhub":
            return replace(row, vendor=cloudapi.TAKEN)
        kept = frozenset() if row.extra.get("watermark") else frozenset({"watermark"})
        return replace(row, parameters=frozenset(), vendor=VendorFields(never=kept))

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """TokenHub's bearer key; calls of API 3.0 are signed one by one."""
        bearer = key and channel.options.api == "tokenhub"
        return {**({"authorization": f"Bearer {key}"} if bearer else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call, or a job."""
        source = self._tokenhub if channel.options.api == "tokenhub" else self._cloud
        async with aclosing(source(request, channel, upstream)) as events:
            async for event in events:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """API 3.0's ``Response.Error``, TokenHub's 422, or OpenAI's envelope."""
        known = cloudapi.failure(refusal.json, refusal)
        if known is None and refusal.status == _MODERATED:
            return ContentRefused("The provider's safety system refused this request.", code="content_policy_violation")
        return known or failures.openai_failure(refusal)

    async def _tokenhub(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        options: TencentOptions = channel.options
        row = self.capabilities(request.model)
        extra = typed(request.extra, _KINDS)
        unknown = {name: value for name, value in extra.items() if name != "watermark"}
        body = payload.merge(fields(request, extra, row, options), unknown, channel.overrides)
        path = options.path or str(row.extra.get("path", "/images/generations"))
        async with (
            upstream.post_json(path, body) as answer,
            aclosing(answers.events(answer, failures.openai_error_inside)) as events,
        ):
            async for event in events:
                yield event

    async def _cloud(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        options: TencentOptions = channel.options
        row = self.capabilities(request.model)
        extra = typed(request.extra, _KINDS)
        mapped = {**cloudapi.fields(request, extra, logo=options.watermark), **row.extra.get("fields", {})}
        body = payload.merge(mapped, cloudapi.passed(extra), channel.overrides)
        usual = cloudapi.JOBS[options.api]
        submit, query = row.extra.get("action", usual[0]), row.extra.get("query", usual[1])
        async with self._call(submit, body, await digest_of(body), channel, upstream) as answer:
            told = cloudapi.response(await answer.json())
        if not query:
            for event in cloudapi.pictures(told):
                yield event
            return
        job = {"JobId": told.get("JobId")}
        if not isinstance(job["JobId"], str):
            raise BadResponse("The provider took the job without saying its name.")
        yield Progress("the provider took the job")
        digest = await digest_of(job)
        with paid():
            looks = upstream.poll_calls(lambda: self._call(query, job, digest, channel, upstream), every=options.poll_seconds)
            async with aclosing(looks):
                for event in cloudapi.pictures(await cloudapi.done(looks)):
                    yield event

    def _call(
        self, action: str, body: Mapping[str, Any], digest: str, channel: Channel, upstream: Upstream
    ) -> AbstractAsyncContextManager[Answer]:
        """One signed call. ``digest``: hex SHA-256 of the body as it goes out."""
        options: TencentOptions = channel.options
        at = urlsplit(upstream.base_url)
        call = Call(options.api, cloudapi.VERSIONS[options.api], action, options.region, at.netloc, f"{at.path}/")
        return upstream.post_json("/", body, headers=signed_headers(call, upstream.key, digest, int(self._clock())))


def fields(request: ImageRequest, extra: Mapping[str, Any], row: Capabilities, options: TencentOptions) -> dict[str, Any]:
    """The request in TokenHub's fields, which follow the family of the model (``extra`` of its row)."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt}
    if request.size not in {None, "auto"}:
        body["size"] = request.size
    if request.output_format and len(row.formats) != 1:
        body["output_format"] = request.output_format
    if request.images:
        body["images"] = [InlineImage(image, as_url=not row.extra.get("plain_base64")) for image in request.images]
    if row.extra.get("watermark"):
        body["watermark"] = extra.get("watermark", options.watermark)
    return body


ROW = base.AdapterRow(
    "tencent",
    lambda tools: TencentAdapter(tools.catalog),
    TencentOptions,
    default_base_url="https://tokenhub-intl.tencentcloudmaas.com/v1",
    key_variables=("TENCENT_API_KEY",),
    base_url_variable="TENCENT_BASE_URL",
)
