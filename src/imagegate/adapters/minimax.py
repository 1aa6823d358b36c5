"""MiniMax: ``/image_generation`` of image-01, whose errors are HTTP 200, and the OpenAI-like routes of H3-Image.

Source: platform.minimax.io/docs (image generation, error codes) as read in public copies; new-api ``relay/channel/minimax``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters.shape import answers, failures, payload, verdicts
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, Finished, ImageEvent, ImageLink, held
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.sizes import PixelSize, aspect_ratio, parse_size
from imagegate.errors import BadResponse, ContentRefused, GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

RATIOS = ("1:1", "16:9", "4:3", "3:2", "2:3", "3:4", "9:16", "21:9")
"""What ``aspect_ratio`` takes."""

_KINDS: Kinds = {
    "seed": int,
    "width": int,
    "height": int,
    "style_weight": float,
    "prompt_optimizer": bool,
    "aigc_watermark": bool,
    "watermark": bool,
    "disable_prompt_enhanced": bool,
}
_PLACED = frozenset({"watermark", "style_weight"})
_SHAPE = frozenset({"aspect_ratio", "width", "height"})
_TAKEN: Mapping[str, VendorFields] = {
    "images": VendorFields(never=_PLACED, sizes=_SHAPE),
    "own": VendorFields(sizes=_SHAPE),
}
"""By ``extra.api``."""
_BASE64_LIMIT = 128 * 1024 * 1024
"""Bytes of an answer with up to nine pictures in it."""
_VERDICTS: Mapping[str, Verdict] = {
    "1000": Verdict.SERVER,
    "1001": Verdict.TIMEOUT,
    "1002": Verdict.RATE,
    "1004": Verdict.KEY,
    "1008": Verdict.ACCOUNT,
    "1013": Verdict.SERVER,
    "1024": Verdict.SERVER,
    "1026": Verdict.CONTENT,
    "1027": Verdict.CONTENT,
    "1033": Verdict.SERVER,
    "1039": Verdict.RATE,
    "1041": Verdict.RATE,
    "2013": Verdict.CALLER,
    "2045": Verdict.RATE,
    "2049": Verdict.KEY,
    "2056": Verdict.ACCOUNT,
}


class MiniMaxOptions(base.Options):
    """Extras of a ``minimax`` channel."""

    response_format: Literal["url", "base64"] = Field(
        "url", description="how image-01 hands pictures over; base64 is held in memory as a whole"
    )


class MiniMaxAdapter:
    """Speaks MiniMax's image APIs; the catalog's ``extra.api`` says which one a model has."""

    Options = MiniMaxOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        row = self._catalog.capabilities("minimax", upstream_model)
        return replace(row, vendor=_TAKEN[row.extra.get("api", "own")])

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key."""
        return {**({"authorization": f"Bearer {key}"} if key else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call."""
        row = self.capabilities(request.model)
        call = _openai_like if row.extra.get("api") == "images" else _own
        async with aclosing(call(request, row, channel, upstream)) as events:
            async for event in events:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """``base_resp`` or OpenAI's envelope, by code; else by the status."""
        error = _error(refusal.json)
        verdict = _VERDICTS.get(str(error.get("code")))
        return verdicts.judged(verdict, error, refusal) if verdict else failures.openai_failure(refusal)


async def _own(request: ImageRequest, row: Capabilities, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
    options: MiniMaxOptions = channel.options
    extra = typed(request.extra, _KINDS)
    unknown = {name: value for name, value in extra.items() if name not in _PLACED}
    body = payload.merge(fields(request, extra, row, options), unknown, channel.overrides)
    async with upstream.post_json("/image_generation", body) as answer:
        document = await answer.json(_BASE64_LIMIT)
    for event in pictures(document):
        yield event


async def _openai_like(
    request: ImageRequest, row: Capabilities, channel: Channel, upstream: Upstream
) -> AsyncGenerator[ImageEvent]:
    mapped = payload.fields(request, stream=False)
    edit = request.operation is Operation.EDIT
    if edit:
        mapped["images"] = [{"image_url": InlineImage(image, as_url=True)} for image in request.images]
    body = payload.merge(mapped, typed(request.extra, _KINDS), channel.overrides)
    path = "/images/edits" if edit else "/images/generations"
    async with upstream.post_json(path, body) as answer, aclosing(answers.events(answer, _failed, on_empty=_empty)) as events:
        async for event in events:
            yield event


def fields(request: ImageRequest, extra: Mapping[str, Any], row: Capabilities, options: MiniMaxOptions) -> dict[str, Any]:
    """The request in image-01's fields. A reference is a subject that the picture keeps, not a picture to change."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt, "response_format": options.response_format}
    if request.n != 1:
        body["n"] = request.n
    size = parse_size(request.size) if request.size else None
    if isinstance(size, PixelSize) and row.sizes.fixed:
        body["aspect_ratio"] = aspect_ratio(size, RATIOS)
    elif isinstance(size, PixelSize):
        body |= {"width": size.width, "height": size.height}
    if request.images:
        body["subject_reference"] = [
            {"type": "character", "image_file": InlineImage(image, as_url=True)} for image in request.images
        ]
    style = {"style_type": request.style, "style_weight": extra.get("style_weight")}
    if said := {name: value for name, value in style.items() if value is not None}:
        body["style"] = said
    if "watermark" in extra and "aigc_watermark" not in extra:
        body["aigc_watermark"] = extra["watermark"]
    return body


def pictures(document: Any) -> Iterator[ImageEvent]:
    """The answer of ``/image_generation`` as events. Raises what its ``base_resp`` says; counts may be written as text."""
    if not isinstance(document, Mapping):
        raise BadResponse("The provider answered with something that is not the JSON it should be.")
    error = _error(document)
    if error.get("code") not in {None, "0"}:
        raise _failed(document)
    data, counts = _mapping(document.get("data")), _mapping(document.get("metadata"))
    urls = [url for url in data.get("image_urls") or () if isinstance(url, str) and url]
    texts = [text for text in data.get("image_base64") or () if isinstance(text, str) and text]
    if not urls and not texts:
        if _count(counts.get("failed_count")):
            raise ContentRefused("The provider's safety system kept every picture back.", code="content_policy_violation")
        raise BadResponse("The provider answered without a picture.")
    yield from (CompletedImage(ImageLink(url)) for url in urls)
    yield from (CompletedImage(held(text.encode())) for text in texts)
    told = {"id": document.get("id"), "metadata": {name: _count(value) for name, value in counts.items()}}
    yield Finished(extra={name: value for name, value in told.items() if value})


def _failed(document: Mapping[str, Any]) -> GatewayError:
    """An error in a 200, of the whole answer or of one picture."""
    error = _error(document)
    verdict = _VERDICTS.get(str(error.get("code")))
    return verdicts.judged(verdict, error, Refusal(200, {}, b"")) if verdict else failures.openai_error_inside(document)


def _empty(document: Mapping[str, Any]) -> GatewayError:
    """Why an answer of the OpenAI-like routes has no picture: a ``base_resp`` may say."""
    return _failed(document) if _mapping(document.get("base_resp")) else answers.no_picture(document)


def _error(document: Any) -> dict[str, Any]:
    """Code and message, whichever way the answer is spelt; code ``0`` is success."""
    told = _mapping(_mapping(document).get("base_resp"))
    if told:
        return {"code": str(told.get("status_code")), "message": told.get("status_msg")}
    return failures.error_object(document)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else 0


ROW = base.AdapterRow(
    "minimax",
    lambda tools: MiniMaxAdapter(tools.catalog),
    MiniMaxOptions,
    default_base_url="https://api.minimax.io/v1",
    key_variables=("MINIMAX_API_KEY",),
    base_url_variable="MINIMAX_BASE_URL",
)
