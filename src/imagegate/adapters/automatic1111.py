"""AUTOMATIC1111's web UI and those that kept its API (Forge, SD.Next, sd-server): ``/sdapi/v1``.

Source: AUTOMATIC1111 modules/api/{api,models}.py (request models, error envelope), modules/processing.py (info).
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._automatic1111 import answers
from imagegate.adapters.shape import payload
from imagegate.adapters.shape.documents import large_json
from imagegate.adapters.shape.masks import luminance_upload
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import Verdict, by_status, judged
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.fitting import fit_size
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.sizes import PixelSize, parse_size
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_KINDS: Kinds = {
    "steps": int,
    "cfg_scale": float,
    "distilled_cfg_scale": float,
    "seed": int,
    "subseed": int,
    "subseed_strength": float,
    "denoising_strength": float,
    "eta": float,
    "tiling": bool,
    "restore_faces": bool,
    "enable_hr": bool,
    "hr_scale": float,
    "hr_second_pass_steps": int,
    "resize_mode": int,
    "mask_blur": int,
    "inpainting_fill": int,
    "inpaint_full_res": bool,
    "inpaint_full_res_padding": int,
}
_TAKEN = VendorFields(only=frozenset({*_KINDS, "negative_prompt", "sampler_name", "scheduler", "styles", "hr_upscaler"}))
"""Others could reach the server's scripts and settings."""
_OUT_OF_MEMORY = frozenset({"OutOfMemoryError"})


class Automatic1111Options(base.Options):
    """Extras of an ``automatic1111`` channel."""

    select_checkpoint: bool = Field(
        True, description="false: the model's name is not sent and the server draws with the checkpoint that it has loaded"
    )


class Automatic1111Adapter:
    """Speaks sdapi's txt2img and img2img."""

    Options = Automatic1111Options

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; checkpoints are files of the operator, so there is one for all."""
        return replace(self._catalog.capabilities("automatic1111", upstream_model), vendor=_TAKEN)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """HTTP Basic (RFC 7617) from a key ``user:password``, as ``--api-auth`` wants it; nothing without a key."""
        credential = {"authorization": f"Basic {base64.b64encode(key.encode()).decode()}"} if key else {}
        return {**credential, **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call that answers when all pictures are done."""
        options: Automatic1111Options = channel.options
        extra = {name: value for name, value in typed(request.extra, _KINDS).items() if value is not None}
        mapped = fields(request, self.capabilities(request.model), options)
        if request.mask is not None:
            mapped["mask"] = InlineImage(await luminance_upload(request.mask, self._executor, edit="white"))
            mapped["inpainting_mask_invert"] = 0
        path = "/sdapi/v1/img2img" if request.operation is Operation.EDIT else "/sdapi/v1/txt2img"
        async with upstream.post_json(path, payload.merge(mapped, extra, channel.overrides)) as answer:
            document = await large_json(answer, self._executor)
        for event in answers.pictures(document, request.n):
            yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """By the name of the server's exception, then the status. A 404 with such a name is about a sampler or an image."""
        document = refusal.json if isinstance(refusal.json, Mapping) else {}
        name = str(document.get("error") or "")
        error = {"message": answers.message(document.get("detail")), "param": answers.param(document.get("detail"))}
        if name in _OUT_OF_MEMORY:
            return judged(Verdict.BUSY, error, refusal)
        if refusal.status == 404 and name:
            return judged(Verdict.CALLER, error, refusal)
        return by_status(error, refusal)


def fields(request: ImageRequest, row: Capabilities, options: Automatic1111Options) -> dict[str, Any]:
    """The request in sdapi's fields, the mask aside. An edit without a size keeps that of its picture."""
    body: dict[str, Any] = {"prompt": request.prompt, "batch_size": request.n, "n_iter": 1, "send_images": True}
    if options.select_checkpoint:
        body["override_settings"] = {"sd_model_checkpoint": request.model}
    if (size := _size(request, row)) is not None:
        body |= {"width": size.width, "height": size.height}
    if request.images:
        body["init_images"] = [InlineImage(image) for image in request.images]
    return body


def _size(request: ImageRequest, row: Capabilities) -> PixelSize | None:
    size = parse_size(request.size) if request.size else None
    if isinstance(size, PixelSize):
        return size
    if not request.images or (picture := request.images[0]).width is None or picture.height is None:
        return None
    fitted = parse_size(fit_size(PixelSize(picture.width, picture.height), row.sizes))
    return fitted if isinstance(fitted, PixelSize) else None


ROW = base.AdapterRow(
    "automatic1111",
    lambda tools: Automatic1111Adapter(tools.catalog, tools.executor),
    Automatic1111Options,
    needs_key=False,
    free_check="/sdapi/v1/sd-models",
)
