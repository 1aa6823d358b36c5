"""fal: jobs in its queue; a model's edits are often another endpoint of it, and its input's words are the catalog's ``extra``.

Source: fal-client 1.0.3, fal.ai/docs (model APIs: queue, errors), vercel/ai packages/fal; inputs: the models' own schemas.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._fal import jobs
from imagegate.adapters.hosted_shape import media
from imagegate.adapters.hosted_shape.options import InputNames
from imagegate.adapters.hosted_shape.recipe import KINDS, Recipe, fields
from imagegate.adapters.shape import masks, payload
from imagegate.adapters.shape.documents import large_json
from imagegate.adapters.shape.jobs import paid
from imagegate.adapters.shape.typed import typed
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.errors import GatewayError, RateLimited, Unavailable
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_TRIES = 3


class FalOptions(InputNames):
    """Extras of a ``fal`` channel."""

    poll_seconds: float = Field(1.0, gt=0, description="between two looks at a job")
    sync_mode: bool = Field(False, description="true: pictures come inside the result instead of at urls of fal's storage")


class FalAdapter:
    """Speaks fal's queue: submit, status, result; cancels what nobody waits for."""

    Options = FalOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        row = self._catalog.capabilities("fal", upstream_model)
        return replace(row, vendor=Recipe.of(row).taken())

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """``Key``, not ``Bearer``."""
        return {"authorization": f"Key {key}", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """A job in the queue, looked at until it is done, and its result."""
        options: FalOptions = channel.options
        recipe = Recipe.of(self.capabilities(request.model)).named(**options.names())
        app = recipe.endpoint(request)
        body = await self._body(request, recipe, options, channel)
        async with upstream.post_json(jobs.submit_path(app), body) as answer:
            job = jobs.Job.read(app, await answer.json(), upstream)
        with paid():
            async with aclosing(jobs.waited(job, upstream, options.poll_seconds)) as notes:
                async for note in notes:
                    yield note
            for event in media.pictures(await self._result(job, upstream, options.poll_seconds)):
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """Errors of models and of the platform, by type."""
        return media.failure(refusal)

    async def _result(self, job: jobs.Job, upstream: Upstream, pause: float) -> Any:
        """The result; fetching it costs nothing, so a refusal for load is tried again."""
        tries = 0
        while True:
            try:
                async with upstream.get(job.result) as answer:
                    return await large_json(answer, self._executor)
            except (RateLimited, Unavailable):
                tries += 1
                if tries == _TRIES:
                    raise
            await asyncio.sleep(pause)

    async def _body(self, request: ImageRequest, recipe: Recipe, options: FalOptions, channel: Channel) -> dict[str, Any]:
        pictures = [InlineImage(image, as_url=True) for image in request.images]
        mask = None
        if request.mask is not None:
            drawn = await masks.luminance_upload(request.mask, self._executor, edit=recipe.mask_edit)
            mask = InlineImage(drawn, as_url=True)
        mapped = fields(request, recipe, pictures, mask)
        if options.sync_mode:
            mapped["sync_mode"] = True
        return payload.merge(mapped, typed(request.extra, KINDS), channel.overrides)


ROW = base.AdapterRow(
    "fal",
    lambda tools: FalAdapter(tools.catalog, tools.executor),
    FalOptions,
    default_base_url="https://queue.fal.run",
    key_variables=("FAL_KEY",),
)
