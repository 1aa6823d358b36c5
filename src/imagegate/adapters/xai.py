"""xAI (Grok Imagine): OpenAI's paths with other fields; edits are JSON too, and a size is a ratio and a tier.

Source: vercel/ai packages/xai, docs.x.ai (image generation), measurements of 2026-09; pixels of each ratio: runware.ai docs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._xai import shapes
from imagegate.adapters.shape import answers, failures, payload, verdicts
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import Finished, ImageEvent
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import ContentRefused, GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_KINDS: Kinds = {"sync_mode": bool}
_TAKEN = VendorFields(only=frozenset(_KINDS), sizes=frozenset({"aspect_ratio", "resolution"}))
"""Unknown fields get a 422, so only those go along that xAI has."""
_BAD_KEY = "Incorrect API key provided"
_CONTENT = ("Content violates usage guidelines", "Generated image rejected by content moderation")


class XaiOptions(base.Options):
    """Extras of an ``xai`` channel."""

    response_format: Literal["b64_json", "url"] = Field("b64_json", description="how xAI hands pictures over")


class XaiAdapter:
    """Speaks xAI's images API."""

    Options = XaiOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        return replace(self._catalog.capabilities("xai", upstream_model), vendor=_TAKEN)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key."""
        return {"authorization": f"Bearer {key}", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call. A picture that moderation took away arrives as an empty item of a 200."""
        options: XaiOptions = channel.options
        body = payload.merge(fields(request, options), typed(request.extra, _KINDS), channel.overrides)
        path = "/images/edits" if request.operation is Operation.EDIT else "/images/generations"
        async with upstream.post_json(path, body) as answer:
            source = answers.events(answer, failures.openai_error_inside, on_empty=nothing_left)
            try:
                async for event in source:
                    yield billed(event) if isinstance(event, Finished) else event
            finally:
                await source.aclose()

    def failure(self, refusal: Refusal) -> GatewayError:
        """``{"error": {…}}``, ``{"code", "error": text}`` or ``{"error": text}``.

        Bad keys and refused content share their status and code with ordinary mistakes, so here, alone, the text decides.
        """
        document = refusal.json
        error = failures.error_object(document)
        text = str(error.get("message") or "")
        if text.startswith(_BAD_KEY):
            return verdicts.judged(verdicts.Verdict.KEY, error, refusal)
        if text.startswith(_CONTENT):  # the text itself names team and key
            return verdicts.judged(verdicts.Verdict.CONTENT, error, refusal)
        if isinstance(document, Mapping) and isinstance(document.get("error"), Mapping):
            return failures.openai_failure(refusal)
        return verdicts.by_status(error, refusal)


def fields(request: ImageRequest, options: XaiOptions) -> dict[str, Any]:
    """The request in xAI's fields; ``size`` is none of them."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt, "response_format": options.response_format}
    if request.n != 1:
        body["n"] = request.n
    body.update(shapes.shape(request.size))
    for name in ("quality", "output_format", "user"):
        if (value := getattr(request, name)) is not None:
            body[name] = value
    pictures = [{"url": InlineImage(image, as_url=True), "type": "image_url"} for image in request.images]
    if pictures:
        body.update({"image": pictures[0]} if len(pictures) == 1 else {"images": pictures})
    return body


def nothing_left(document: Mapping[str, Any]) -> GatewayError:
    """Why an answer holds no picture."""
    data = document.get("data")
    items = data if isinstance(data, list) else []
    if any(isinstance(item, dict) and item.get("respect_moderation") is False for item in items):
        return ContentRefused("The provider's safety system refused the picture.", code="moderation_blocked")
    return answers.no_picture(document)


def billed(event: Finished) -> Finished:
    """xAI's usage is a price (``cost_in_usd_ticks``, 1e-10 USD) and no tokens."""
    usage = event.usage
    if usage is None or usage.total_tokens:
        return event
    return replace(event, usage=None, extra={**event.extra, **usage.extra})


ROW = base.AdapterRow(
    "xai",
    lambda tools: XaiAdapter(tools.catalog),
    XaiOptions,
    default_base_url="https://api.x.ai/v1",
    key_variables=("XAI_API_KEY",),
    free_check="/image-generation-models",
    lists_models=True,
)
