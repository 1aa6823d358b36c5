"""Recraft: OpenAI's answer, JSON to generate and multipart to change a picture; vector models make SVG.

Source: recraft.ai/docs/api-reference (endpoints, image inputs and results, errors, appendix), litellm ``llms/recraft``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal

import orjson
from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters.shape import answers, failures, masks, payload, verdicts
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.form import FormFile, MultipartForm

_TAKEN = VendorFields(sizes=frozenset({"aspect_ratio"}))
_VERDICTS: Mapping[str, Verdict] = {
    "not_enough_credits": Verdict.ACCOUNT,
    "insufficient_credits": Verdict.ACCOUNT,
    "content_policy_violation": Verdict.CONTENT,
    "moderation_blocked": Verdict.CONTENT,
    "rate_limit_exceeded": Verdict.RATE,
    "model_not_found": Verdict.MODEL,
}
"""Recraft publishes no list of its codes; the status decides about all others."""


class RecraftOptions(base.Options):
    """Extras of a ``recraft`` channel."""

    strength: float = Field(0.5, ge=0, le=1, description="how far an edit may leave its picture, where the caller does not say")
    response_format: Literal["b64_json", "url"] = Field(
        "b64_json", description="`url`: pictures are left at Recraft for a day, and the gateway fetches them"
    )


class RecraftAdapter:
    """Speaks Recraft's API."""

    Options = RecraftOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        return replace(self._catalog.capabilities("recraft", upstream_model), vendor=_TAKEN)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key."""
        return {"authorization": f"Bearer {key}", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call; the pictures come in OpenAI's JSON and are cut through."""
        options: RecraftOptions = channel.options
        mapped = {**fields(request), "response_format": options.response_format}
        body = payload.merge(mapped, placed(request.extra), channel.overrides)
        if request.operation is Operation.GENERATE:
            call = upstream.post_json("/images/generations", body)
        elif request.mask is None:
            body.setdefault("strength", options.strength)
            call = upstream.post_form("/images/imageToImage", form(body, request))
        else:
            mask = await masks.luminance_upload(request.mask, self._executor, edit="white")
            call = upstream.post_form("/images/inpaint", form(body, request, FormFile("mask", mask)))
        async with call as answer, aclosing(answers.events(answer, error_inside)) as source:
            async for event in source:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """``{"code", "message"}``, also below ``error``; some refusals are plain text."""
        error = failures.error_object(refusal.json)
        verdict = _verdict(error)
        return verdicts.by_status(error, refusal) if verdict is None else verdicts.judged(verdict, error, refusal)


def fields(request: ImageRequest) -> dict[str, Any]:
    """The request in Recraft's names. A vector has no other format."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt}
    if request.n != 1:
        body["n"] = request.n
    if request.size not in {None, "auto"}:
        body["size"] = request.size
    if request.style is not None:
        body["style"] = request.style
    if request.output_format not in {None, "svg"}:
        body["image_format"] = request.output_format
    return body


def placed(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Unknown fields; ``seed`` has another name here."""
    return {"random_seed" if name == "seed" else name: value for name, value in extra.items()}


def form(body: Mapping[str, Any], request: ImageRequest, *files: FormFile) -> MultipartForm:
    """Text fields, lists and objects as JSON; then the picture."""
    texts = [
        (name, value if isinstance(value, str) else orjson.dumps(value).decode())
        for name, value in body.items()
        if value is not None
    ]
    return MultipartForm(texts, [FormFile("image", request.images[0]), *files])


def error_inside(document: Mapping[str, Any]) -> GatewayError:
    """An error in an answer of 200."""
    error = failures.error_object(document)
    verdict = _verdict(error)
    if verdict is None:
        return BadResponse("The provider reported a failure instead of a picture.")
    return verdicts.judged(verdict, error, Refusal(200, {}, b""))


def _verdict(error: Mapping[str, Any]) -> Verdict | None:
    code = error.get("code")
    return _VERDICTS.get(code) if isinstance(code, str) else None


ROW = base.AdapterRow(
    "recraft",
    lambda tools: RecraftAdapter(tools.catalog, tools.executor),
    RecraftOptions,
    default_base_url="https://external.api.recraft.ai/v1",
    key_variables=("RECRAFT_API_TOKEN", "RECRAFT_API_KEY"),
    free_check="/users/me",
)
