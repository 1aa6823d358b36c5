"""fal: jobs in its queue; a model's edits are often another endpoint of it, and its input's words are the catalog's ``extra``.

Source: fal-client 1.0.3, fal.ai/docs (model APIs: queue, errors), vercel/ai packages/fal; inputs: the models' own schemas.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters.hosted_shape import media
from imagegate.adapters.hosted_shape.addresses import own
from imagegate.adapters.hosted_shape.recipe import KINDS, Recipe, fields
from imagegate.adapters.shape import masks, payload
from imagegate.adapters.shape.documents import large_json
from imagegate.adapters.shape.jobs import paid, withdrawn
from imagegate.adapters.shape.typed import typed
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent, Progress
from imagegate.domain.images import ImageRequest
from imagegate.errors import BadResponse, GatewayError, ModelMissing, RateLimited, Unavailable
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_APP = re.compile(r"[\w.-]+(/[\w.-]+){1,7}")
_JOB = re.compile(r"[\w-]{1,100}")
_WAITING = frozenset({"IN_QUEUE", "IN_PROGRESS"})
_TRIES = 3
_NAMESPACES = frozenset({"workflows", "comfy"})


class FalOptions(base.Options):
    """Extras of a ``fal`` channel."""

    poll_seconds: float = Field(1.0, gt=0, description="between two looks at a job")
    sync_mode: bool = Field(False, description="true: pictures come inside the result instead of at urls of fal's storage")
    image_field: str | None = Field(
        None, description="name of the input for reference pictures, for models whose name is not known"
    )
    image_form: Literal["list", "one"] | None = Field(None, description="how reference pictures are written")
    mask_field: str | None = Field(None, description="name of the input for the mask; white is what changes")
    count_field: str | None = Field(None, description="name of the input for the number of pictures")

    def names(self) -> dict[str, str | None]:
        """Words of a recipe that the channel knows better."""
        return {
            "images": self.image_field,
            "several": self.image_form,
            "mask": self.mask_field,
            "count": self.count_field,
        }


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
        async with upstream.post_json(submit_path(app), body) as answer:
            job = Job.read(app, await answer.json(), upstream)
        with paid():
            async with aclosing(_waited(job, upstream, options.poll_seconds)) as notes:
                async for note in notes:
                    yield note
            for event in media.pictures(await self._result(job, upstream, options.poll_seconds)):
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """Errors of models and of the platform, by type."""
        return media.failure(refusal)

    async def _result(self, job: Job, upstream: Upstream, pause: float) -> Any:
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


@dataclass(frozen=True, slots=True)
class Job:
    """Where a submitted job is looked at, fetched and cancelled; ``note`` says how it stands."""

    status: str
    result: str
    cancel: str
    note: str

    @classmethod
    def read(cls, app: str, document: Any, upstream: Upstream) -> Job:
        """From the answer to the submit. Raises BadResponse."""
        number = document.get("request_id") if isinstance(document, Mapping) else None
        if not isinstance(number, str) or not _JOB.fullmatch(number):
            raise BadResponse("The provider took the job without naming it.")
        parts = app.split("/")
        path = f"/{'/'.join(parts[: 3 if parts[0] in _NAMESPACES else 2])}/requests/{number}"
        return cls(
            own(document.get("status_url"), f"{path}/status", upstream),
            own(document.get("response_url"), path, upstream),
            own(document.get("cancel_url"), f"{path}/cancel", upstream),
            _note(document),
        )


def submit_path(app: str) -> str:
    """Where an app such as ``fal-ai/flux/dev`` takes jobs. Raises ModelMissing for what is no such name."""
    if not _APP.fullmatch(app) or ".." in app:
        raise ModelMissing("Models are called 'owner/app' here; the operator has to look at the channel.")
    return f"/{app}"


async def _waited(job: Job, upstream: Upstream, every: float) -> AsyncGenerator[Progress]:
    """Notes until the job is done; whoever leaves before cancels it."""
    async with withdrawn(lambda: upstream.call_off(job.cancel, method="PUT")):
        yield Progress(job.note)
        async with aclosing(upstream.poll(job.status, every=every)) as looks:
            async for look in looks:
                if look.get("status") not in _WAITING:
                    return
                yield Progress(_note(look))


def _note(document: Mapping[str, Any]) -> str:
    if document.get("status") == "IN_PROGRESS":
        return "processing"
    position = document.get("queue_position")
    return f"queued, {position} before it" if isinstance(position, int) and position > 0 else "queued"


ROW = base.AdapterRow(
    "fal",
    lambda tools: FalAdapter(tools.catalog, tools.executor),
    FalOptions,
    default_base_url="https://queue.fal.run",
    key_variables=("FAL_KEY",),
)
