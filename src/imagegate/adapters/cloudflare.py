"""Cloudflare Workers AI: one endpoint a model; JSON or a form in, raw bytes or base64 out, as the catalog's ``extra`` says.

Source: developers.cloudflare.com/workers-ai (the models' schemas, errors), changelogs of the FLUX.2 models.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from imagegate.adapters import base
from imagegate.adapters._cloudflare import answers
from imagegate.adapters._cloudflare.shrink import within
from imagegate.adapters.shape import masks, payload
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, parse_size
from imagegate.errors import AuthFailed, GatewayError, InvalidRequest, ModelMissing
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.form import FormFile, MultipartForm
from imagegate.upstream.inline import InlineImage

_MODEL = re.compile(r"@?[\w.-]+(/[\w.-]+){1,4}")
_ACCOUNT = re.compile(r"\w{1,64}")
_KINDS: Kinds = {"seed": int, "steps": int, "num_steps": int, "guidance": float, "strength": float}


class CloudflareOptions(base.Options):
    """Extras of a ``cloudflare`` channel."""

    account_id: str | None = Field(None, description="the account that pays; not needed when keys are written ACCOUNT_ID:TOKEN")
    max_reference_edge: int = Field(
        512, ge=0, description="FLUX.2 takes reference pictures up to so many pixels a side; larger ones are shrunk; 0: never"
    )


class Recipe(BaseModel):
    """How a model is called. ``form``: a JSON body, or multipart with ``input_image_0`` and so on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal["json", "multipart"] = "json"


class CloudflareAdapter:
    """Speaks ``/ai/run``."""

    Options = CloudflareOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        return self._catalog.capabilities("cloudflare", upstream_model)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer token; a key may have its account before it."""
        return {"authorization": f"Bearer {key.rpartition(':')[2]}", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call, one picture."""
        options: CloudflareOptions = channel.options
        row = self.capabilities(request.model)
        recipe = Recipe.model_validate(row.extra)
        path = run_path(options.account_id or upstream.key.rpartition(":")[0], request.model)
        body = payload.merge(fields(request, row), typed(request.extra, _KINDS), channel.overrides)
        if recipe.form == "multipart":
            call = upstream.post_form(path, await self._form(request, body, options.max_reference_edge))
        else:
            call = upstream.post_json(path, {**body, **await self._pictures(request)})
        async with call as answer, aclosing(answers.pictures(answer)) as events:
            async for event in events:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """``{"errors": [{"code", "message"}]}``, by the first code that is known."""
        return answers.failure(refusal.json, refusal)

    async def _pictures(self, request: ImageRequest) -> dict[str, Any]:
        """Reference picture and mask of a JSON body; a mask is a list of the file's bytes there."""
        if len(request.images) > 1:
            raise InvalidRequest("This model takes one reference picture.", param="image", code="too_many_images")
        body: dict[str, Any] = {"image_b64": InlineImage(request.images[0])} if request.images else {}
        if request.mask is not None:
            body["mask"] = list(await masks.luminance_mask(request.mask, self._executor, edit="white"))
        return body

    async def _form(self, request: ImageRequest, body: Mapping[str, Any], edge: int) -> MultipartForm:
        images = [await within(image, edge, self._executor) if edge else image for image in request.images]
        files = [FormFile(f"input_image_{number}", image) for number, image in enumerate(images)]
        return MultipartForm(list(payload.flatten(body)), files)


def run_path(account: str, model: str) -> str:
    """Where a model is run. Raises AuthFailed without an account, ModelMissing for what is no model's name."""
    if not _ACCOUNT.fullmatch(account):
        raise AuthFailed("The channel names no account of the provider; the operator has to set its option account_id.")
    if not _MODEL.fullmatch(model) or ".." in model:
        raise ModelMissing("Models are called '@cf/owner/name' here; the operator has to look at the channel.")
    return f"/accounts/{account}/ai/run/{model}"


def fields(request: ImageRequest, row: Capabilities) -> dict[str, Any]:
    """Prompt and size; everything else is the caller's own fields. A model that makes one size only is not told it."""
    body: dict[str, Any] = {"prompt": request.prompt}
    size = parse_size(request.size) if request.size and len(row.sizes.fixed) != 1 else None
    if isinstance(size, PixelSize):
        body.update(width=size.width, height=size.height)
    return body


ROW = base.AdapterRow(
    "cloudflare",
    lambda tools: CloudflareAdapter(tools.catalog, tools.executor),
    CloudflareOptions,
    default_base_url="https://api.cloudflare.com/client/v4",
    key_variables=("CLOUDFLARE_AI_KEY",),
    free_check="/user/tokens/verify",
)
