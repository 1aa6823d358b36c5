"""Cloudflare Workers AI: one endpoint a model; JSON or a form in, raw bytes or base64 out, as the catalog's ``extra`` says.

Source: developers.cloudflare.com/workers-ai (the models' schemas, errors), changelogs of the FLUX.2 models.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from imagegate.adapters import base
from imagegate.adapters._cloudflare.shrink import within
from imagegate.adapters.shape import masks, payload
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import Verdict, by_status, judged
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, ImageBytes, ImageDetails, ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, parse_size
from imagegate.errors import AuthFailed, BadResponse, GatewayError, InvalidRequest, ModelMissing
from imagegate.upstream.client import Answer, Refusal, Upstream
from imagegate.upstream.form import FormFile, MultipartForm
from imagegate.upstream.inline import InlineImage
from imagegate.upstream.jsonstream import CargoScanner, CargoStart, InvalidJson, ObjectEnd, Token

_MODEL = re.compile(r"@?[\w.-]+(/[\w.-]+){1,4}")
_ACCOUNT = re.compile(r"\w{1,64}")
_KINDS: Kinds = {"seed": int, "steps": int, "num_steps": int, "guidance": float, "strength": float}
_NO_PICTURE = "The provider answered without a picture."
_CODES: Mapping[Verdict, tuple[int, ...]] = {
    Verdict.CONTENT: (3030,),
    Verdict.CALLER: (3003, 5004, 5006),
    Verdict.TOO_LARGE: (3006,),
    Verdict.KEY: (7000, 7003, 9106, 9109, 10000, 10001),
    Verdict.ACCOUNT: (3023, 3036, 3041, 5016, 5018),
    Verdict.MODEL: (3042, 5007),
    Verdict.BUSY: (3040,),
    Verdict.TIMEOUT: (3007, 3008),
}
_VERDICTS = {code: verdict for verdict, codes in _CODES.items() for code in codes}


class CloudflareOptions(base.Options):
    """Extras of a ``cloudflare`` channel."""

    account_id: str | None = Field(None, description="the account that pays; not needed when keys are written ACCOUNT_ID:TOKEN")
    max_reference_edge: int = Field(
        512, ge=0, description="FLUX.2 takes reference pictures up to so many pixels a side; larger ones are shrunk; 0: never"
    )


class Recipe(BaseModel):
    """How a model is called. ``takes``: unknown fields that it knows; None for all. ``size``: it takes width and height.

    ``form``: a JSON body, or multipart with ``input_image_0`` and so on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal["json", "multipart"] = "json"
    takes: frozenset[str] | None = None
    size: bool = True


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
        recipe = Recipe.model_validate(self.capabilities(request.model).extra)
        path = run_path(options.account_id or upstream.key.rpartition(":")[0], request.model)
        extra = {name: value for name, value in request.extra.items() if recipe.takes is None or name in recipe.takes}
        body = payload.merge(fields(request, recipe), typed(extra, _KINDS), channel.overrides)
        async with await self._call(path, request, recipe, body, upstream) as answer:
            async with aclosing(_pictures(answer)) as events:
                async for event in events:
                    yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """``{"errors": [{"code", "message"}]}``, by the first code that is known."""
        return _failure(refusal.json, refusal)

    async def _call(
        self, path: str, request: ImageRequest, recipe: Recipe, body: dict[str, Any], upstream: Upstream
    ) -> AbstractAsyncContextManager[Answer]:
        if recipe.form == "multipart":
            return upstream.post_form(path, await self._form(request, body, upstream))
        if len(request.images) > 1:
            raise InvalidRequest("This model takes one reference picture.", param="image", code="too_many_images")
        if request.images:
            body["image_b64"] = InlineImage(request.images[0])
        if request.mask is not None:
            body["mask"] = list(await masks.luminance_mask(request.mask, self._executor, edit="white"))
        return upstream.post_json(path, body)

    async def _form(self, request: ImageRequest, body: Mapping[str, Any], options: CloudflareOptions) -> MultipartForm:
        edge = options.max_reference_edge
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


def fields(request: ImageRequest, recipe: Recipe) -> dict[str, Any]:
    """Prompt and size; everything else is the caller's own fields."""
    body: dict[str, Any] = {"prompt": request.prompt}
    size = parse_size(request.size) if request.size and recipe.size else None
    if isinstance(size, PixelSize):
        body.update(width=size.width, height=size.height)
    return body


async def _pictures(answer: Answer) -> AsyncGenerator[ImageEvent]:
    """The bytes as they come, or ``result.image`` cut out of the JSON around it."""
    kind, _, form = answer.content_type.partition("/")
    if kind == "image":
        async with aclosing(answer.chunks()) as chunks:
            yield CompletedImage(ImageBytes(chunks, "raw"), ImageDetails(output_format=form))
        return
    scanner = CargoScanner(frozenset({"image"}))
    made = False
    async with aclosing(_tokens(answer, scanner)) as tokens:
        async for token in tokens:
            if isinstance(token, CargoStart) and not made:
                made = True
                yield CompletedImage(ImageBytes(_cargo(tokens)))
    document = _closed(scanner)
    if not made:
        raise _failure(document, Refusal(200, {}, b"")) if _refused(document) else BadResponse(_NO_PICTURE)


async def _tokens(answer: Answer, scanner: CargoScanner) -> AsyncGenerator[Token]:
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for token in scanner.feed(chunk):
                    yield token
    except InvalidJson as error:
        raise BadResponse("The provider answered with something that is not JSON.") from error


async def _cargo(tokens: AsyncIterator[Token]) -> AsyncIterator[bytes]:
    async for token in tokens:
        if isinstance(token, bytes):
            yield token
        elif isinstance(token, ObjectEnd):
            return
    raise BadResponse("The provider's answer was cut short.")


def _closed(scanner: CargoScanner) -> Any:
    try:
        return scanner.close()
    except InvalidJson as error:
        raise BadResponse("The provider answered with something that is not JSON.") from error


def _refused(document: Any) -> bool:
    return isinstance(document, Mapping) and (document.get("success") is False or bool(document.get("errors")))


def _failure(document: Any, refusal: Refusal) -> GatewayError:
    errors = document.get("errors") if isinstance(document, Mapping) else None
    listed = [item for item in errors if isinstance(item, Mapping)] if isinstance(errors, list) else []
    coded = [(item, _VERDICTS.get(_whole(item.get("code")))) for item in listed]
    error, verdict = next(((item, verdict) for item, verdict in coded if verdict), (listed[0] if listed else {}, None))
    told = {"message": error.get("message"), "code": str(error["code"]) if "code" in error else None}
    return judged(verdict, told, refusal) if verdict else by_status(told, refusal)


def _whole(value: Any) -> int:
    """A code, also one written as text; 0 for what is none."""
    return int(value) if isinstance(value, (int, str)) and re.fullmatch(r"\d{1,9}", str(value)) else 0


ROW = base.AdapterRow(
    "cloudflare",
    lambda tools: CloudflareAdapter(tools.catalog, tools.executor),
    CloudflareOptions,
    default_base_url="https://api.cloudflare.com/client/v4",
    key_variables=("CLOUDFLARE_AI_KEY",),
)
