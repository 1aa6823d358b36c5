"""Replicate: predictions of official models, versions and deployments; how a model's input is written is the catalog's ``extra``.

Source: replicate 1.0.7, replicate.com/docs/reference/http, vercel/ai packages/replicate; inputs: the models' own schemas.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._replicate import progress
from imagegate.adapters.hosted_shape.options import InputNames
from imagegate.adapters.hosted_shape.recipe import KINDS, Recipe, fields
from imagegate.adapters.shape import failures, masks, payload, verdicts
from imagegate.adapters.shape.jobs import paid
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import Verdict, judged
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel, Timeouts
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest, InputImage
from imagegate.errors import BadResponse, GatewayError, ModelMissing, RateLimited
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.form import FormFile, MultipartForm
from imagegate.upstream.inline import InlineImage

_KINDS: Kinds = {**KINDS, "safety_tolerance": int, "output_quality": int}
_NAME = re.compile(r"(?P<deployment>deployments/)?(?P<name>[\w.-]+/[\w.-]+)(?::(?P<version>[0-9a-f]{64}))?")
_VERSION = re.compile(r"[0-9a-f]{64}")
_LONGEST_RETRY = 300.0


class ReplicateOptions(InputNames):
    """Extras of a ``replicate`` channel."""

    wait_seconds: int = Field(
        60, ge=0, le=60, description="how long a call waits for its result before it is polled; 0: not at all"
    )
    poll_seconds: float = Field(1.0, gt=0, description="between two looks at a prediction")
    inline_bytes: int = Field(
        256 * 1024, ge=0, description="larger reference pictures are uploaded to Replicate's files first, smaller ones sent along"
    )


class ReplicateAdapter:
    """Speaks Replicate's predictions: waits, then polls; cancels what nobody waits for."""

    Options = ReplicateOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row of ``owner/name``, whatever its version."""
        row = self._catalog.capabilities("replicate", upstream_model.partition(":")[0])
        return replace(row, vendor=Recipe.of(row).taken())

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer token."""
        return {"authorization": f"Bearer {key}", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """A prediction that is waited for, then polled."""
        options: ReplicateOptions = channel.options
        path, version = endpoint(request.model)
        recipe = Recipe.of(self.capabilities(request.model)).named(**options.names())
        mapped = fields(request, recipe, *await self._pictures(request, recipe, upstream, options))
        body = {"input": payload.merge(mapped, typed(request.extra, _KINDS), channel.overrides), **version}
        async with upstream.post_json(path, body, headers=waiting(options, channel.timeouts)) as answer:
            prediction = progress.started(await answer.json())
        with paid():
            async with aclosing(progress.awaited(prediction, upstream, options.poll_seconds)) as events:
                async for event in events:
                    yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """Problem details: ``{"title", "detail", "status", "invalid_fields"}``, by status."""
        document = refusal.json if isinstance(refusal.json, Mapping) else {}
        if refusal.status == 429:
            wait = failures.retry_after(refusal.headers) or _seconds(document.get("retry_after"))
            return RateLimited("The provider is limiting requests; try again shortly.", retry_after=wait)
        if document.get("title") == "Invalid version or not permitted":
            return judged(Verdict.MODEL, {}, refusal)
        wrong = document.get("invalid_fields")
        first = wrong[0] if isinstance(wrong, list) and wrong and isinstance(wrong[0], Mapping) else {}
        param = str(first.get("field") or "").removeprefix("input.") or None
        message = first.get("description") or document.get("detail")
        return verdicts.by_status({"message": message, "param": param}, refusal)

    async def _pictures(
        self, request: ImageRequest, recipe: Recipe, upstream: Upstream, options: ReplicateOptions
    ) -> tuple[list[Any], Any]:
        """What stands for the reference pictures and the mask."""
        pictures = [await _reference(image, upstream, options.inline_bytes) for image in request.images]
        if request.mask is None:
            return pictures, None
        mask = await masks.luminance_upload(request.mask, self._executor, edit=recipe.mask_edit)
        return pictures, await _reference(mask, upstream, options.inline_bytes)


def waiting(options: ReplicateOptions, timeouts: Timeouts) -> dict[str, str]:
    """How long Replicate shall wait before it answers (well before we lose patience), and when it shall give up the work."""
    seconds = min(options.wait_seconds, int(timeouts.first_byte * 0.8))
    return {"cancel-after": f"{max(5, round(timeouts.total))}s", **({"prefer": f"wait={seconds}"} if seconds else {})}


def endpoint(model: str) -> tuple[str, dict[str, str]]:
    """Path and version of ``owner/name[:version]``, a version, or ``deployments/owner/name``. Raises ModelMissing."""
    if _VERSION.fullmatch(model):
        return "/predictions", {"version": model}
    found = _NAME.fullmatch(model)
    if found is None or ".." in model:
        raise ModelMissing("Models are called 'owner/name' here; the operator has to look at the channel.")
    if found["version"]:
        return "/predictions", {"version": found["version"]}
    kind = "deployments" if found["deployment"] else "models"
    return f"/{kind}/{found['name']}/predictions", {}


async def _reference(image: InputImage, upstream: Upstream, inline_bytes: int) -> InlineImage | str:
    """A data url, or the address of an uploaded file, which Replicate drops after a day."""
    if image.content.size <= inline_bytes:
        return InlineImage(image, as_url=True)
    async with upstream.post_form("/files", MultipartForm([], [FormFile("content", image)])) as answer:
        document = await answer.json()
    urls = document.get("urls") if isinstance(document, Mapping) else None
    url = urls.get("get") if isinstance(urls, Mapping) else None
    if not isinstance(url, str):
        raise BadResponse("The provider took a reference picture without naming it.")
    return url


def _seconds(value: Any) -> float | None:
    return min(float(value), _LONGEST_RETRY) if isinstance(value, (int, float)) and value >= 0 else None


ROW = base.AdapterRow(
    "replicate",
    lambda tools: ReplicateAdapter(tools.catalog, tools.executor),
    ReplicateOptions,
    default_base_url="https://api.replicate.com/v1",
    key_variables=("REPLICATE_API_TOKEN",),
    free_check="/account",
)
