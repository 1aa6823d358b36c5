"""Stability AI, REST v2beta: multipart in, one picture out. Which function a model name stands for is the catalog's ``extra``.

Source: platform.stability.ai/docs/api-reference (v2beta), read in mirrors; litellm ``llms/stability``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters.shape import masks, payload, verdicts
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, ImageBytes, ImageDetails, ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, aspect_ratio, parse_size
from imagegate.errors import BadResponse, ContentRefused, GatewayError
from imagegate.upstream.client import Answer, Refusal, Upstream
from imagegate.upstream.form import FormFile, MultipartForm

RATIOS = ("1:1", "16:9", "9:16", "3:2", "2:3", "5:4", "4:5", "21:9", "9:21")
"""What ``aspect_ratio`` takes."""

_TAKEN = VendorFields(sizes=frozenset({"aspect_ratio"}))
_REFUSED = "The provider's safety system refused this request."


class StabilityOptions(base.Options):
    """Extras of a ``stability`` channel."""

    strength: float = Field(
        0.6,
        ge=0,
        le=1,
        description="how far an edit may leave its picture, where the model asks for it and the caller does not say",
    )


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is called. ``prompt``: whether the function takes one.

    ``named``: the endpoint serves several models and is told which. ``strength``: edits must say it.
    """

    path: str = "generate/sd3"
    prompt: bool = True
    named: bool = False
    strength: bool = False

    @classmethod
    def of(cls, capabilities: Capabilities) -> Recipe:
        """From the catalog's row."""
        return cls(**capabilities.extra)


class StabilityAdapter:
    """Speaks v2beta's synchronous functions."""

    Options = StabilityOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; unknown names are models of the sd3 endpoint."""
        return replace(self._catalog.capabilities("stability", upstream_model), vendor=_TAKEN)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key."""
        return {"authorization": f"Bearer {key}", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call; the picture comes as bytes, what is known about it in the head."""
        options: StabilityOptions = channel.options
        recipe = Recipe.of(self.capabilities(request.model))
        body = payload.merge(fields(request, recipe), request.extra, channel.overrides)
        if request.images and recipe.strength:
            body.setdefault("strength", options.strength)
        form = MultipartForm(list(payload.flatten(body)), await self._files(request))
        async with upstream.post_form(f"/stable-image/{recipe.path}", form, headers={"accept": "image/*"}) as answer:
            told = details(answer)
            async with aclosing(answer.chunks()) as chunks:
                yield CompletedImage(ImageBytes(chunks, "raw"), told)

    def failure(self, refusal: Refusal) -> GatewayError:
        """``{"id", "name", "errors": […]}``, by name."""
        document = refusal.json if isinstance(refusal.json, Mapping) else {}
        name, errors = document.get("name"), document.get("errors")
        if name == "content_moderation":
            return ContentRefused(_REFUSED)
        told = [item for item in errors if isinstance(item, str)] if isinstance(errors, list) else []
        param = told[0].partition(":")[0] if told and ":" in told[0] else None
        return verdicts.by_status({"message": "; ".join(told), "code": name, "param": param}, refusal)

    async def _files(self, request: ImageRequest) -> list[FormFile]:
        files = [FormFile("image", image) for image in request.images]
        if request.mask is not None:
            files.append(FormFile("mask", await masks.luminance_upload(request.mask, self._executor, edit="white")))
        return files


def fields(request: ImageRequest, recipe: Recipe) -> dict[str, Any]:
    """The text fields. A size is a ratio here."""
    body: dict[str, Any] = {}
    if recipe.prompt:
        body["prompt"] = request.prompt
    if recipe.named:
        body["model"] = request.model
        if request.images:
            body["mode"] = "image-to-image"
    if ratio := _ratio(request.size):
        body["aspect_ratio"] = ratio
    if request.output_format is not None:
        body["output_format"] = request.output_format
    return body


def details(answer: Answer) -> ImageDetails:
    """What the head says. Raises ContentRefused, because a filtered picture comes blurred; BadResponse when it is none."""
    if answer.headers.get("finish-reason") == "CONTENT_FILTERED":
        raise ContentRefused(_REFUSED)
    kind, _, output_format = answer.content_type.partition("/")
    if kind != "image":
        raise BadResponse("The provider answered without a picture.")
    seed = answer.headers.get("seed", "")
    return ImageDetails(output_format=output_format, extra={"seed": int(seed)} if seed.isdecimal() else {})


def _ratio(size: str | None) -> str | None:
    pixels = parse_size(size) if size else None
    return aspect_ratio(pixels, RATIOS) if isinstance(pixels, PixelSize) else None


ROW = base.AdapterRow(
    "stability",
    lambda tools: StabilityAdapter(tools.catalog, tools.executor),
    StabilityOptions,
    default_base_url="https://api.stability.ai/v2beta",
    key_variables=("STABILITY_API_KEY",),
    free_check="{origin}/v1/user/balance",
)
