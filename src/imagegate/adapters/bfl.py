"""Black Forest Labs: a job is submitted, then looked at where its answer says, and the picture fetched from a url that soon ends.

Source: docs.bfl.ai (api_integration, errors, models), litellm ``llms/black_forest_labs``, vercel/ai packages/black-forest-labs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._bfl import answers
from imagegate.adapters._bfl.results import Results
from imagegate.adapters.shape import masks, payload, verdicts
from imagegate.adapters.shape.jobs import paid
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent, Progress
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, aspect_ratio, parse_size
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

RATIOS = ("1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9", "9:21")
"""What is asked for where a model takes ``aspect_ratio``."""

_KINDS: Kinds = {
    **dict.fromkeys(("seed", "safety_tolerance", "steps", "top", "bottom", "left", "right", "grow_mask"), int),
    **dict.fromkeys(("prompt_upsampling", "raw"), bool),
    **dict.fromkeys(("guidance", "image_prompt_strength"), float),
}
_TAKEN = VendorFields(never=frozenset({"webhook_url", "webhook_secret"}), sizes=frozenset({"aspect_ratio"}))
"""Never what would send the result to somebody else, and leave nothing to look at."""


class BflOptions(base.Options):
    """Extras of a ``bfl`` channel."""

    polling_hosts: tuple[str, ...] = Field(
        ("bfl.ai",), description="hosts, with those below them, that may be asked for results and are shown the key"
    )
    poll_seconds: float = Field(1.0, gt=0, le=60, description="seconds between two looks at a job")


class BflAdapter:
    """Speaks BFL's task API."""

    Options = BflOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; unknown models are taken for FLUX.2's kind."""
        return replace(self._catalog.capabilities("bfl", upstream_model), vendor=_TAKEN)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """The key in ``x-key``."""
        return {"x-key": key, "accept": "application/json", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """Submit, look until it is ready. The job has no cancellation."""
        options: BflOptions = channel.options
        body = payload.merge(await self._fields(request), typed(request.extra, _KINDS), channel.overrides)
        async with upstream.post_json(f"/{quote(request.model, safe='')}", body) as answer:
            job = await answer.json()
        with paid():
            looks = upstream.poll_calls(Results(upstream, job, options.polling_hosts).look, every=options.poll_seconds)
            yield Progress("submitted")
            async with aclosing(looks) as documents:
                async for event in answers.events(documents, request, job):
                    yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """FastAPI's ``detail``, by status."""
        error = answers.read_detail(refusal.json)
        return verdicts.judged(Verdict.ACCOUNT, error, refusal) if refusal.status == 402 else verdicts.by_status(error, refusal)

    async def _fields(self, request: ImageRequest) -> dict[str, Any]:
        body = fields(request, self.capabilities(request.model).extra)
        if request.mask is not None:
            body["mask"] = InlineImage(await masks.luminance_upload(request.mask, self._executor, edit="white"))
        return body


def fields(request: ImageRequest, said: Mapping[str, Any]) -> dict[str, Any]:
    """The body but for the mask. ``said``: the row's ``extra``: how the model says size, and what it calls its first picture."""
    body: dict[str, Any] = {"prompt": request.prompt}
    size = parse_size(request.size) if request.size else None
    if isinstance(size, PixelSize):
        if said.get("size") == "edges":
            body |= {"width": size.width, "height": size.height}
        elif said.get("size") == "ratio":
            body["aspect_ratio"] = aspect_ratio(size, RATIOS)
    if request.output_format is not None:
        body["output_format"] = request.output_format
    name = said.get("image", "input_image")
    for number, image in enumerate(request.images, start=1):
        body[name if number == 1 else f"{name}_{number}"] = InlineImage(image)
    return body


ROW = base.AdapterRow(
    "bfl",
    lambda tools: BflAdapter(tools.catalog, tools.executor),
    BflOptions,
    default_base_url="https://api.bfl.ai/v1",
    key_variables=("BFL_API_KEY",),
    free_check="/credits",
)
