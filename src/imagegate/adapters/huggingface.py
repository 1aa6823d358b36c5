"""Hugging Face: its own inference, dedicated endpoints, and other providers' bodies through its router.

Source: huggingface_hub 2.4 (inference/_providers), huggingface.js packages/inference.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import replace

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._huggingface.dialects import DIALECTS, ProviderName
from imagegate.adapters.hosted_shape import media
from imagegate.adapters.shape import failures, payload
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import Verdict, by_status, judged
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import GatewayError, Unavailable
from imagegate.upstream.client import Refusal, Upstream

_KINDS: Kinds = {
    "seed": int,
    "num_inference_steps": int,
    "steps": int,
    "guidance_scale": float,
    "strength": float,
}
_TAKEN = VendorFields(sizes=frozenset({"width", "height", "target_size", "image_size", "aspect_ratio"}))
_LONGEST_WAIT = 300.0


class HuggingFaceOptions(base.Options):
    """Extras of a ``huggingface`` channel."""

    provider: ProviderName = Field(
        "hf-inference",
        description="whose inference the router leads to, with that provider's own names of models; `endpoint`: base_url is a "
        "dedicated endpoint",
    )


class HuggingFaceAdapter:
    """Speaks hf-inference, and through the router the synchronous APIs of other providers."""

    Options = HuggingFaceOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; the providers' own names get the row ``*``."""
        return replace(self._catalog.capabilities("huggingface", upstream_model), vendor=_TAKEN)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """Without edits where the provider behind the router has none."""
        row, options = self.capabilities(request.model), channel.options
        return row if DIALECTS[options.provider].edits else replace(row, operations=row.operations - {Operation.EDIT})

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer token."""
        return {"authorization": f"Bearer {key}", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call in the provider's dialect."""
        options: HuggingFaceOptions = channel.options
        dialect = DIALECTS[options.provider]
        fields = payload.merge(dialect.fields(request), typed(request.extra, _KINDS), channel.overrides)
        call = upstream.post_json(dialect.path(request.model), dialect.body(request, fields), headers=dialect.headers)
        async with call as answer, aclosing(dialect.read(answer, self._executor)) as events:
            async for event in events:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """``{"error": text}`` of the router and hf-inference; objects, and ``detail``, of the providers behind it."""
        document = refusal.json if isinstance(refusal.json, Mapping) else {}
        error = document.get("error")
        if refusal.status == 410:
            return judged(Verdict.MODEL, {}, refusal)
        if refusal.status == 503 and isinstance(seconds := document.get("estimated_time"), (int, float)):
            wait = min(max(float(seconds), 0.0), _LONGEST_WAIT)
            return Unavailable("The provider is loading the model; try again shortly.", retry_after=wait)
        if isinstance(error, Mapping):
            return failures.openai_failure(refusal)
        if "detail" in document:
            return media.failure(refusal)
        told = error[0] if isinstance(error, list) and error else error
        return by_status({"message": told or document.get("message")}, refusal)


ROW = base.AdapterRow(
    "huggingface",
    lambda tools: HuggingFaceAdapter(tools.catalog, tools.executor),
    HuggingFaceOptions,
    default_base_url="https://router.huggingface.co",
    key_variables=("HF_TOKEN", "HUGGINGFACE_API_KEY"),
)
