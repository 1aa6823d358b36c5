"""Ideogram, API v1: models 3.0 and 4.0, and editing by words alone. Always multipart; pictures come as urls that expire.

Source: developer.ideogram.ai (v1 reference), docs.comfy.org (schemas of 3.0 and 4.0).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote

import orjson
from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._ideogram import answers
from imagegate.adapters.shape import masks, payload, verdicts
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, parse_size
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.form import FormFile, MultipartForm

SPEEDS: Mapping[str, str] = {"low": "TURBO", "medium": "DEFAULT", "high": "QUALITY"}
"""Quality as ``rendering_speed``."""

_PROMPTED_EDIT = "ideogram-edit"
_TAKEN = VendorFields(sizes=frozenset({"aspect_ratio", "resolution"}))


class IdeogramOptions(base.Options):
    """Extras of an ``ideogram`` channel."""

    masked_edit: Literal["inpaint", "edit"] = Field(
        "inpaint", description="endpoint of an edit with a mask; `edit` is the older name, which Ideogram calls legacy"
    )


class IdeogramAdapter:
    """Speaks Ideogram's v1."""

    Options = IdeogramOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        return replace(self._catalog.capabilities("ideogram", upstream_model), vendor=_TAKEN)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """The key in ``Api-Key``."""
        return {"api-key": key, **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call that takes as long as the pictures do."""
        path = endpoint(request, channel.options)
        body = payload.merge(fields(request, path), request.extra, channel.overrides)
        form = MultipartForm(list(parts(body)), await self._files(request, path))
        async with upstream.post_form(path, form) as answer:
            document = await answer.json()
        for event in answers.events(document, request):
            yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """By status: Ideogram has no codes. 422 is its safety check; mistakes are 400."""
        document = refusal.json if isinstance(refusal.json, Mapping) else {}
        error = {"message": document.get("error") or document.get("detail"), "code": document.get("reject_reason")}
        match refusal.status:
            case 402:
                return verdicts.judged(Verdict.ACCOUNT, error, refusal)
            case 422:
                return verdicts.judged(Verdict.CONTENT, error, refusal)
            case _:
                return verdicts.by_status(error, refusal)

    async def _files(self, request: ImageRequest, path: str) -> list[FormFile]:
        name = "images" if path == "/v1/edit" else "image"
        files = [FormFile(name, image) for image in request.images]
        if request.mask is not None:
            files.append(FormFile("mask", await masks.luminance_upload(request.mask, self._executor, edit="black")))
        return files


def endpoint(request: ImageRequest, options: IdeogramOptions) -> str:
    """Where the work is ordered: a picture without a mask is remixed."""
    if request.model == _PROMPTED_EDIT:
        return "/v1/edit"
    function = options.masked_edit if request.mask else "remix" if request.images else "generate"
    return f"/v1/{quote(request.model, safe='')}/{function}"


def fields(request: ImageRequest, path: str) -> dict[str, Any]:
    """The text fields. The model is in the path."""
    body: dict[str, Any] = {"text_prompt" if "-v4/" in path else "prompt": request.prompt}
    if request.n != 1:
        body["num_images"] = request.n
    size = parse_size(request.size) if request.size else None
    if isinstance(size, PixelSize):
        body["resolution"] = str(size)
    if speed := SPEEDS.get(request.quality or ""):
        body["rendering_speed"] = speed
    if request.background == "transparent":
        body["transparent_background"] = True
    return body


def parts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """As form fields: lists repeat their name, objects are JSON, a ratio is written ``16x9`` and gives way to a resolution."""
    for name, value in body.items():
        if value is None or (name == "aspect_ratio" and "resolution" in body):
            continue
        for item in value if isinstance(value, (list, tuple)) else (value,):
            text = item if isinstance(item, str) else orjson.dumps(item).decode()
            yield name, text.replace(":", "x") if name == "aspect_ratio" else text


ROW = base.AdapterRow(
    "ideogram",
    lambda tools: IdeogramAdapter(tools.catalog, tools.executor),
    IdeogramOptions,
    default_base_url="https://api.ideogram.ai",
    key_variables=("IDEOGRAM_API_KEY",),
)
