"""Kling (Kuaishou): submit and poll; a key is an API key, or ``accessKey:secretKey`` from which a token is signed.

Source: app.klingai.com's API reference as read in public copies (2026-01 … 2026-10): image generation, multi-image, omni-image,
error codes. Codes other than 0 are errors, also with HTTP 200. Pictures are base64 without a ``data:`` prefix.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from imagegate.adapters import base as contract
from imagegate.adapters._kling import codes
from imagegate.adapters._kling.token import token
from imagegate.adapters.kling_shape import jobs
from imagegate.adapters.shape import payload, verdicts
from imagegate.adapters.shape.jobs import paid
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, Decider, SizeRule, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent, Progress
from imagegate.domain.images import ImageRequest
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_TAKEN = VendorFields(never=frozenset({"callback_url", "model_name"}), sizes=frozenset({"aspect_ratio", "resolution"}))
_KINDS: Kinds = {"image_fidelity": float, "human_fidelity": float, "watermark": bool, "watermark_info": {"enabled": bool}}


class KlingOptions(contract.Options):
    """Extras of a ``kling`` channel."""

    poll_seconds: float = Field(2.0, gt=0, description="about how often a job is looked at")
    image_reference: Literal["subject", "face"] = Field("subject", description="what kling-v1-5 takes from a reference picture")


class KlingAdapter:
    """Speaks Kling's image API; which route a model has is the catalog's ``extra``. ``clock``: seconds since 1970."""

    Options = KlingOptions

    def __init__(self, catalog: Catalog, clock: Callable[[], float] = time.time) -> None:
        self._catalog = catalog
        self._clock = clock

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        return replace(self._catalog.capabilities("kling", upstream_model), vendor=_TAKEN)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """``extra.restyles``: one reference keeps its own shape, several are subjects of a new picture."""
        row = self.capabilities(request.model)
        restyled = row.extra.get("restyles") and route(request, row) != "multi-image2image"
        return replace(row, edit_sizes=SizeRule(decided_by=Decider.INPUT, policy=row.sizes.policy)) if restyled else row

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """The API key, or a token that holds for half an hour."""
        access, colon, secret = key.partition(":")
        bearer = token(access, secret, int(self._clock())) if colon else key
        return {**({"authorization": f"Bearer {bearer}"} if key else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """Submit, look until the job is done, hand the links over. Kling has no call that withdraws a job."""
        options: KlingOptions = channel.options
        row = self.capabilities(request.model)
        extra = typed(request.extra, _KINDS)
        path = f"/images/{route(request, row)}"
        unknown = {name: value for name, value in extra.items() if name != "watermark"}
        body = payload.merge(fields(request, extra, row, options), unknown, channel.overrides)
        async with upstream.post_json(path, body) as answer:
            job = jobs.name(codes.data_of(await answer.json()))
        yield Progress("the provider took the job")
        with paid():
            async with aclosing(upstream.poll(f"{path}/{job}", every=options.poll_seconds)) as looks:
                async for event in jobs.watched(looks, codes.data_of):
                    yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """By ``code``, else by the status."""
        document = refusal.json if isinstance(refusal.json, Mapping) else {}
        verdict = codes.verdict_of(document)
        return verdicts.judged(verdict, document, refusal) if verdict else verdicts.by_status(document, refusal)


def route(request: ImageRequest, row: Capabilities) -> str:
    """Below ``/images/``. ``extra.multi``: the number of references from which the multi-image route is used."""
    multi = row.extra.get("multi")
    if multi and len(request.images) >= multi:
        return "multi-image2image"
    return str(row.extra.get("route", "generations"))


def fields(request: ImageRequest, extra: Mapping[str, Any], row: Capabilities, options: KlingOptions) -> dict[str, Any]:
    """The request in Kling's fields."""
    body: dict[str, Any] = {"model_name": request.model, "prompt": request.prompt}
    if request.n != 1:
        body["n"] = request.n
    pictures = [InlineImage(image) for image in request.images]
    where = route(request, row)
    if where == "multi-image2image" and pictures:
        body["subject_image_list"] = [{"subject_image": picture} for picture in pictures]
    elif where == "omni-image" and pictures:
        body["image_list"] = [{"image": picture} for picture in pictures]
    elif pictures:
        body["image"] = pictures[0]
        if row.extra.get("reference"):
            body["image_reference"] = extra.get("image_reference", options.image_reference)
    body.update(jobs.shape(request.size, () if where == "multi-image2image" else row.extra.get("tiers", ())))
    if "watermark" in extra and "watermark_info" not in extra:
        body["watermark_info"] = {"enabled": extra["watermark"]}
    return body


ROW = contract.AdapterRow(
    "kling",
    lambda tools: KlingAdapter(tools.catalog),
    KlingOptions,
    default_base_url="https://api-singapore.klingai.com/v1",
    key_variables=("KLING_API_KEY",),
    base_url_variable="KLING_BASE_URL",
    free_check="/images/generations?pageNum=1&pageSize=1",
)
