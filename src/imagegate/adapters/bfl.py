"""Black Forest Labs: a job is submitted, then looked at where its answer says, and the picture fetched from a url that soon ends.

Source: docs.bfl.ai (api_integration, errors, models), litellm ``llms/black_forest_labs``, vercel/ai packages/black-forest-labs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._bfl.results import Results
from imagegate.adapters.shape import masks, payload, verdicts
from imagegate.adapters.shape.jobs import paid
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, Finished, ImageDetails, ImageEvent, ImageLink, Progress
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, aspect_ratio, parse_size
from imagegate.errors import Ambiguous, BadResponse, ContentRefused, GatewayError
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
_MODERATED = frozenset({"request moderated", "content moderated"})
_FAILED = frozenset({"error", "failed"})
_LOST = "task not found"
_LOOKS_LOST = 3
"""Looks in a row that may not find the job: clusters learn of it one after the other."""


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
                async for event in _events(documents, request, job):
                    yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """FastAPI's ``detail``, by status."""
        error = read_detail(refusal.json)
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


async def _events(
    documents: AsyncGenerator[Mapping[str, Any]], request: ImageRequest, job: Mapping[str, Any]
) -> AsyncGenerator[ImageEvent]:
    lost, last = 0, ""
    async for document in documents:
        status = str(document.get("status") or document.get("state") or "").strip().lower()
        if status == "ready":
            yield completed(document, request.prompt)
            yield Finished(extra=_numbers({**job, **document}, ("cost", "input_mp", "output_mp")))
            return
        if status in _MODERATED:
            raise ContentRefused("The provider's safety system refused this request.")
        if status in _FAILED:
            raise Ambiguous("The provider failed while working on the request.")
        lost = lost + 1 if status == _LOST else 0
        if lost == _LOOKS_LOST:
            raise Ambiguous("The provider no longer knows the job that it took.")
        note = _note(document)
        if note != last:
            last = note
            yield Progress(note)


def completed(document: Mapping[str, Any], prompt: str) -> CompletedImage:
    """The picture of a job that is ready. Raises BadResponse when there is none."""
    result = document.get("result")
    told = result if isinstance(result, Mapping) else {}
    sample, written = told.get("sample"), told.get("prompt")
    if not isinstance(sample, str) or not sample:
        raise BadResponse("The provider answered without a picture.")
    revised = written if isinstance(written, str) and written != prompt else None
    return CompletedImage(ImageLink(sample), ImageDetails(revised_prompt=revised, extra=_numbers(told, ("seed",))))


def read_detail(document: Any) -> dict[str, Any]:
    """Message and field of ``detail``, which is a text or a list of ``{loc, msg, type}``."""
    detail = document.get("detail") if isinstance(document, Mapping) else None
    if not isinstance(detail, list):
        return {"message": detail}
    first = next((item for item in detail if isinstance(item, Mapping)), {})
    places = first.get("loc")
    param = places[-1] if isinstance(places, list) and len(places) > 1 else None
    message = first.get("msg")
    return {"message": f"{param}: {message}" if param and message else message, "code": first.get("type"), "param": param}


def _note(document: Mapping[str, Any]) -> str:
    share = document.get("progress")
    return f"working, {share:.0%}" if isinstance(share, float) and 0 < share <= 1 else "working"


def _numbers(told: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: told[name] for name in names if isinstance(told.get(name), (int, float))}


ROW = base.AdapterRow(
    "bfl",
    lambda tools: BflAdapter(tools.catalog, tools.executor),
    BflOptions,
    default_base_url="https://api.bfl.ai/v1",
    key_variables=("BFL_API_KEY",),
    free_check="/credits",
)
