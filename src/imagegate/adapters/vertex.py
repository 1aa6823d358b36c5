"""Google Vertex AI: Gemini's image models by ``generateContent``, Imagen by ``:predict``.

Source: google-genai 3.4 (_api_client.py, models.py), cloud.google.com/vertex-ai/generative-ai/docs (REST reference).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._vertex import imagen
from imagegate.adapters._vertex.credentials import Tokens, is_api_key, service_account
from imagegate.adapters.google_shape import answers, failures, fields, payload
from imagegate.adapters.shape.masks import luminance_upload
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.domain.rules import streams
from imagegate.errors import AuthFailed, GatewayError
from imagegate.upstream.client import Refusal, Upstream

_PREDICT = "predict"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9:._-]{0,99}$"
_REGION = re.compile(r"https?://(?:([a-z0-9-]+)-aiplatform\.googleapis\.com|aiplatform\.([a-z0-9-]+)\.rep\.googleapis\.com)")


class VertexOptions(base.Options):
    """Extras of a ``vertex`` channel."""

    project: str | None = Field(None, pattern=_NAME, description="a service account's key names it already")
    location: str | None = Field(None, pattern=_NAME, description="left out: read from the base url, else global")
    credential: Literal["auto", "api_key", "bearer"] = Field(
        "auto", description="what a key is that is no service account; auto goes by how it begins"
    )
    stream: bool = Field(True, description="false: never streamGenerateContent")
    thoughts: bool = Field(True, description="previews are wanted: ask for the model's thoughts, drafts are among them")


class VertexAdapter:
    """Speaks generateContent and Imagen's predict, as a service account or with whatever token the channel has."""

    Options = VertexOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor
        self._tokens = Tokens(executor)

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; its ``extra`` says which of the two protocols a model has."""
        row = self._catalog.capabilities("vertex", upstream_model)
        return replace(row, vendor=imagen.taken(row) if _predicted(row) else fields.TAKEN)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """No previews where the channel does not stream; no quality beside a size."""
        row = self.capabilities(request.model)
        tier_said = (imagen if _predicted(row) else payload).says_tier(request.extra)
        row = payload.narrowed(row, request, tier_said=tier_said)
        return row if channel.options.stream else replace(row, partial_images=0)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """An API key or a bearer token; a service account's tokens change, so each call brings its own."""
        options: VertexOptions = channel.options
        if not key or service_account(key) is not None:
            return dict(channel.headers)
        api_key = options.credential == "api_key" or (options.credential == "auto" and is_api_key(key))
        credential = {"x-goog-api-key": key} if api_key else {"authorization": f"Bearer {key}"}
        return {**credential, **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call, whichever protocol the model has."""
        options: VertexOptions = channel.options
        path = model_path(request.model, options, upstream)
        credential = await self._tokens.headers(upstream.key)
        verb, body, previews = await self._call(request, channel)
        async with upstream.post_json(f"{path}:{verb}", body, headers=credential) as answer:
            source = imagen.events(answer) if verb == _PREDICT else answers.events(answer, previews)
            async with aclosing(source):
                async for event in source:
                    yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """Google's error model, reason first."""
        return failures.google_failure(refusal)

    async def _call(self, request: ImageRequest, channel: Channel) -> tuple[str, dict[str, Any], int]:
        """The method to call, its body, and how many previews are wanted."""
        options: VertexOptions = channel.options
        capabilities = self.capabilities(request.model)
        if _predicted(capabilities):
            mask = await luminance_upload(request.mask, self._executor, edit="white") if request.mask else None
            return _PREDICT, imagen.body(request, capabilities, mask, channel.overrides), 0
        stream = options.stream and streams(request, capabilities)
        previews = (request.partial_images or 0) if stream else 0
        body = payload.body(request, capabilities, channel.overrides, thoughts=options.thoughts and previews > 0)
        return "streamGenerateContent?alt=sse" if stream else "generateContent", body, previews


def _predicted(row: Capabilities) -> bool:
    return row.extra.get("protocol") == _PREDICT


def model_path(model: str, options: VertexOptions, upstream: Upstream) -> str:
    """A model's resource below the base url; without a project that of an API key (express mode). Raises AuthFailed."""
    resource = f"publishers/google/models/{payload.model_path(model)}"
    project = options.project or (service_account(upstream.key) or {}).get("project_id")
    if project:
        return f"/projects/{quote(str(project), safe=':')}/locations/{options.location or region(upstream.base_url)}/{resource}"
    if options.credential == "api_key" or is_api_key(upstream.key):
        return f"/{resource}"
    raise AuthFailed("The channel has no Google Cloud project; the operator has to set options.project.")


def region(base_url: str) -> str:
    """The location that a base url of Vertex AI stands for; ``global`` for all others."""
    found = _REGION.match(base_url)
    return next((name for name in found.groups() if name), "global") if found else "global"


ROW = base.AdapterRow(
    "vertex",
    lambda tools: VertexAdapter(tools.catalog, tools.executor),
    VertexOptions,
    default_base_url="https://aiplatform.googleapis.com/v1",
    key_variables=("VERTEX_CREDENTIALS", "VERTEX_API_KEY"),
)
