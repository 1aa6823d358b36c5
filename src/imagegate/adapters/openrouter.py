"""OpenRouter: its Images API, and chat for models that are better reached so. Which model takes what is the catalog's business.

Source: @openrouter/sdk 1.3.19, openrouter.ai/docs (image generation, errors).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._openrouter import chat, refusals, sizes
from imagegate.adapters.shape import answers, failures, payload
from imagegate.adapters.shape.typed import typed
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, SizePolicy, SizeRule, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import Finished, ImageBytes, ImageEvent, PartialImage, Usage, add_usage
from imagegate.domain.fitting import by_ratio
from imagegate.domain.images import ImageRequest
from imagegate.domain.rules import streams
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_SAME_NAME = ("quality", "background", "output_format", "output_compression", "user")
_TAKEN = VendorFields(sizes=frozenset({"aspect_ratio", "resolution"}))
"""Beside a size OpenRouter would refuse these as a conflict."""
_KINDS = {"seed": int}


class OpenRouterOptions(base.Options):
    """Extras of an ``openrouter`` channel."""

    chat_models: tuple[str, ...] = Field((), description="upstream models, also globs, that are asked by chat/completions")
    referer: str | None = Field(None, description="sent as HTTP-Referer: your site, for OpenRouter's rankings")
    title: str | None = Field(None, description="sent as X-Title: your program's name")


class OpenRouterAdapter:
    """Speaks OpenRouter's Images API and its chat."""

    Options = OpenRouterOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        return replace(self._catalog.capabilities("openrouter", upstream_model), vendor=_TAKEN)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """By chat a model has neither quality, background, format and previews nor any parameter but ``user``."""
        row = self.capabilities(request.model)
        if not _by_chat(request, channel):
            return row
        vendor = replace(_TAKEN, never=chat.OURS)
        none = replace(row, qualities=(), backgrounds=(), formats=(), partial_images=0)
        return replace(none, parameters=chat.PARAMETERS, vendor=vendor, sizes=_chat_sizes(request, row))

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key, and who asks, when the operator wants that known."""
        options: OpenRouterOptions = channel.options
        named = {"http-referer": options.referer, "x-title": options.title}
        told = {name: value for name, value in named.items() if value}
        return {"authorization": f"Bearer {key}", **told, **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call, JSON or SSE; by chat, one call a picture."""
        source = (self._chat if _by_chat(request, channel) else self._images)(request, channel, upstream)
        async with aclosing(source) as events:
            async for event in events:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """``error`` with a number for a code; what it says is worth more than the status around it."""
        return refusals.judged(failures.error_object(refusal.json), refusal)

    async def _images(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        capabilities = self.capabilities(request.model)
        previews = (request.partial_images or 0) if streams(request, capabilities) else 0
        mapped = fields(request, sizes.size_fields(request.size, capabilities.extra), stream=previews > 0)
        body = payload.merge(mapped, typed(request.extra, _KINDS), channel.overrides)
        accept = {"accept": "text/event-stream" if previews else "application/json"}
        async with (
            upstream.post_json("/images", body, headers=accept) as answer,
            aclosing(answers.events(answer, refusals.error_inside)) as source,
        ):
            left = previews * request.n
            async for event in source:
                if isinstance(event, PartialImage):
                    left -= 1
                    if left < 0:
                        await _skip(event)
                        continue
                yield event

    async def _chat(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        said = self.capabilities(request.model).extra
        mapped = chat.fields(request, said, sizes.size_fields(request.size, {"ratios": chat.RATIOS, **said}))
        body = payload.merge(mapped, chat.unplaced(typed(request.extra, _KINDS)), channel.overrides)
        usage: Usage | None = None
        last = Finished()
        for _ in range(request.n):
            async with (
                upstream.post_json("/chat/completions", body) as answer,
                aclosing(chat.events(answer, refusals.error_inside)) as source,
            ):
                async for event in source:
                    if isinstance(event, Finished):
                        usage, last = add_usage(usage, event.usage), event
                    else:
                        yield event
        yield replace(last, usage=usage)


def _by_chat(request: ImageRequest, channel: Channel) -> bool:
    options: OpenRouterOptions = channel.options
    return any(fnmatchcase(request.model, pattern) for pattern in options.chat_models)


def _chat_sizes(request: ImageRequest, row: Capabilities) -> SizeRule:
    """By chat pixels are a ratio; a row that says nothing about ratios has the usual ones. Other words pass where they may."""
    pixels = request.size is not None and request.size[:1].isdigit() and ":" not in request.size and request.size[-1:].isdigit()
    if row.extra.get("ratios") or (row.sizes.policy is SizePolicy.PASSTHROUGH and not pixels):
        return row.sizes
    return by_ratio(chat.RATIOS, row.sizes)


def fields(request: ImageRequest, size: Mapping[str, Any], *, stream: bool) -> dict[str, Any]:
    """The request in the Images API's names. How many previews come cannot be said."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt}
    if request.n != 1:
        body["n"] = request.n
    body |= size
    body |= {name: value for name in _SAME_NAME if (value := getattr(request, name)) is not None}
    if request.images:
        body["input_references"] = [
            {"type": "image_url", "image_url": {"url": InlineImage(image, as_url=True)}} for image in request.images
        ]
    if stream:
        body["stream"] = True
    return body


async def _skip(event: PartialImage) -> None:
    if isinstance(event.source, ImageBytes):
        async for _ in event.source.chunks:
            pass


ROW = base.AdapterRow(
    "openrouter",
    lambda tools: OpenRouterAdapter(tools.catalog),
    OpenRouterOptions,
    default_base_url="https://openrouter.ai/api/v1",
    key_variables=("OPENROUTER_API_KEY",),
    free_check="/key",
)
