"""Amazon Bedrock's image models (Nova Canvas, Titan, Stability AI) by InvokeModel; signed, or with a Bedrock API key.

Source: botocore 1.44 (bedrock-runtime 2023-09-30), docs.aws.amazon.com/bedrock, docs.aws.amazon.com/nova.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import orjson
from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._bedrock import answers, bodies
from imagegate.adapters._bedrock.signing import AccessKey, is_pair, region_of, signed
from imagegate.adapters.shape import masks
from imagegate.adapters.shape.documents import large_json
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream

DEFAULT_REGION = "us-west-2"
DEFAULT_BASE_URL = f"https://bedrock-runtime.{DEFAULT_REGION}.amazonaws.com"

_PROFILE = re.compile(r"(?:arn:[^/]*/)?(?:us|us-gov|eu|apac|jp|au|global)\.")
_JSON = {"content-type": "application/json", "accept": "application/json"}


class BedrockOptions(base.Options):
    """Extras of a ``bedrock`` channel."""

    region: str | None = Field(
        None,
        pattern=r"^[a-z]{2}[a-z0-9-]{3,30}$",
        description="AWS region: chooses the endpoint, unless the channel has a base_url, and is what requests are signed for",
    )


@dataclass(frozen=True, slots=True)
class Call:
    """Bytes and headers ready to be sent."""

    content: bytes
    headers: Mapping[str, str]


class BedrockAdapter:
    """Speaks InvokeModel."""

    Options = BedrockOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; inference profiles (``us.stability…``) and their ARNs share the row of their model."""
        row = self._catalog.capabilities("bedrock", _PROFILE.sub("", upstream_model))
        return replace(row, vendor=bodies.taken(bodies.Recipe.model_validate(row.extra)))

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """What Amazon's models take follows from the task."""
        row = self.capabilities(request.model)
        amazon = bodies.Recipe.model_validate(row.extra).family == "amazon"
        return bodies.narrowed(row, bodies.task_type(request)) if amazon else row

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """A Bedrock API key as bearer; signatures are made for each call."""
        return {**({} if is_pair(key) else {"authorization": f"Bearer {key}"}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call. Body and signature are made in the executor, because both read every byte of the pictures."""
        options: BedrockOptions = channel.options
        recipe = bodies.Recipe.model_validate(self.capabilities(request.model).extra)
        pictures = [await image.content.read() for image in request.images]
        mask = None
        if request.mask is not None:
            mask = await masks.luminance_mask(request.mask, self._executor, edit=bodies.mask_colour(request, recipe))
        account = regional(channel, upstream)
        path = f"/model/{quote(request.model, safe='')}/invoke"
        region = options.region or region_of(account.base_url, DEFAULT_REGION)

        def prepared() -> Call:
            encoded = [base64.b64encode(picture).decode() for picture in pictures]
            drawn = base64.b64encode(mask).decode() if mask is not None else None
            content = orjson.dumps(bodies.body(request, recipe, encoded, drawn, channel.overrides))
            return _signed(account, path, content, region)

        call = await asyncio.get_running_loop().run_in_executor(self._executor, prepared)
        async with account.post_bytes(path, call.content, headers=call.headers) as answer:
            document: Any = await large_json(answer, self._executor)
        for event in answers.pictures(document):
            yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """By the type of the exception."""
        return answers.failure(refusal)


def regional(channel: Channel, upstream: Upstream) -> Upstream:
    """The account in the region that the channel names; a base url of its own decides over it."""
    region = channel.options.region
    if region is None or channel.base_url != DEFAULT_BASE_URL:
        return upstream
    return upstream.at(f"https://bedrock-runtime.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}")


def _signed(account: Upstream, path: str, content: bytes, region: str) -> Call:
    if not is_pair(account.key):
        return Call(content, _JSON)
    return Call(content, signed(f"{account.base_url}{path}", content, _JSON, AccessKey.parse(account.key), region))


ROW = base.AdapterRow(
    "bedrock",
    lambda tools: BedrockAdapter(tools.catalog, tools.executor),
    BedrockOptions,
    default_base_url=DEFAULT_BASE_URL,
    key_variables=("AWS_BEARER_TOKEN_BEDROCK",),
)
