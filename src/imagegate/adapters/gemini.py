"""Google's Gemini API: ``generateContent`` with pictures in and out (the Nano Banana family).

Source: google-genai 3.4 (models.py, types.py), ai.google.dev/gemini-api/docs/image-generation.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters.google_shape import answers, failures, fields, payload
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.domain.rules import streams
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream


class GeminiOptions(base.Options):
    """Extras of a ``gemini`` channel."""

    stream: bool = Field(True, description="false: never streamGenerateContent, for gateways without it")
    thoughts: bool = Field(True, description="previews are wanted: ask for the model's thoughts, drafts are among them")
    image_options: payload.ImageOptions = Field(
        "imageConfig", description="where size and ratio are written; `responseFormat` is the newer spelling"
    )


class GeminiAdapter:
    """Speaks generateContent, and streamGenerateContent when previews are wanted."""

    Options = GeminiOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; ``extra`` has the model's ratios and tiers."""
        return replace(self._catalog.capabilities("gemini", upstream_model.removeprefix("models/")), vendor=fields.TAKEN)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """No previews where the channel does not stream; no quality beside a size."""
        row = payload.narrowed(self.capabilities(request.model), request, tier_said=payload.says_tier(request.extra))
        return row if channel.options.stream else replace(row, partial_images=0)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """The API key; never in the url, which is logged on the way."""
        return {**({"x-goog-api-key": key} if key else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call; the picture is handed on as it came once it is sure that no better one follows."""
        options: GeminiOptions = channel.options
        capabilities = self.capabilities(request.model)
        stream = options.stream and streams(request, capabilities)
        previews = (request.partial_images or 0) if stream else 0
        body = payload.body(
            request,
            capabilities,
            channel.overrides,
            image_options=options.image_options,
            thoughts=options.thoughts and previews > 0,
        )
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        path = f"/models/{payload.model_path(request.model)}:{verb}"
        async with upstream.post_json(path, body) as answer, aclosing(answers.events(answer, previews)) as events:
            async for event in events:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """Google's error model, reason first."""
        return failures.google_failure(refusal)


ROW = base.AdapterRow(
    "gemini",
    lambda tools: GeminiAdapter(tools.catalog),
    GeminiOptions,
    default_base_url="https://generativelanguage.googleapis.com/v1beta",
    key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    free_check="/models?pageSize=1000",
    lists_models=True,
)
