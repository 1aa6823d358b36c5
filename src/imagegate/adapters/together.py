"""Together AI: OpenAI's path with width and height; an edit is a generation with pictures, named as the model wants them.

Source: together-py 3.1 (resources/images), docs.together.ai (image parameters, reference images, error codes).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters.shape import answers, failures, payload, verdicts
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.fitting import by_ratio
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, aspect_ratio, parse_size
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "5:4", "4:5", "21:9", "9:21")
_KINDS: Kinds = {
    "seed": int,
    "steps": int,
    "guidance": float,
    "guidance_scale": float,
    "disable_safety_checker": bool,
    "prompt_upsampling": bool,
    "safety_tolerance": int,
}
_TAKEN = VendorFields(only=frozenset({*_KINDS, "negative_prompt", "image_loras"}), sizes=frozenset({"aspect_ratio"}))
_UNSAFE = "NSFW content"
"""How the one known message about refused content begins; no code of it is published."""


class TogetherOptions(base.Options):
    """Extras of a ``together`` channel."""

    response_format: Literal["base64", "url"] = Field("base64", description="how Together hands pictures over")
    size_as: Literal["pixels", "aspect_ratio"] = Field(
        "pixels", description="`aspect_ratio` for models that refuse width and height; Together's pages disagree about some"
    )


class TogetherAdapter:
    """Speaks Together's images API."""

    Options = TogetherOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; ``extra.references`` is the field of reference pictures."""
        return replace(self._catalog.capabilities("together", upstream_model), vendor=_TAKEN)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """Sizes are those of a few ratios where the channel says so."""
        row = self.capabilities(request.model)
        return row if channel.options.size_as == "pixels" else replace(row, sizes=by_ratio(_RATIOS, row.sizes))

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key."""
        return {"authorization": f"Bearer {key}", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call, with or without pictures."""
        options: TogetherOptions = channel.options
        mapped = fields(request, options) | references(request, self.capabilities(request.model))
        body = payload.merge(mapped, typed(request.extra, _KINDS), channel.overrides)
        async with upstream.post_json("/images/generations", body) as answer:
            source = answers.events(answer, failures.openai_error_inside)
            try:
                async for event in source:
                    yield event
            finally:
                await source.aclose()

    def failure(self, refusal: Refusal) -> GatewayError:
        """OpenAI's envelope inside Together's own, code first."""
        error = failures.error_object(refusal.json)
        if refusal.status in {400, 422} and str(error.get("message")).startswith(_UNSAFE):
            return verdicts.judged(verdicts.Verdict.CONTENT, error, refusal)
        return failures.openai_failure(refusal)


def fields(request: ImageRequest, options: TogetherOptions) -> dict[str, Any]:
    """The request in Together's fields, pictures aside."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt, "response_format": options.response_format}
    if request.n != 1:
        body["n"] = request.n
    size = parse_size(request.size) if request.size else None
    if isinstance(size, PixelSize):
        pixels = {"width": size.width, "height": size.height}
        body.update(pixels if options.size_as == "pixels" else {"aspect_ratio": aspect_ratio(size, _RATIOS)})
    if request.output_format is not None:
        body["output_format"] = request.output_format
    return body


def references(request: ImageRequest, capabilities: Capabilities) -> dict[str, Any]:
    """Reference pictures as data urls: one ``image_url``, or the list ``reference_images``."""
    pictures = [InlineImage(image, as_url=True) for image in request.images]
    if not pictures:
        return {}
    name = capabilities.extra.get("references") or ("image_url" if len(pictures) == 1 else "reference_images")
    return {name: pictures[0] if name == "image_url" else pictures}


ROW = base.AdapterRow(
    "together",
    lambda tools: TogetherAdapter(tools.catalog),
    TogetherOptions,
    default_base_url="https://api.together.xyz/v1",
    key_variables=("TOGETHER_API_KEY",),
    free_check="/models",
    lists_models=True,
)
