"""OpenAI, and every server that speaks its Images API: base url, headers and overrides are the channel's configuration.

Source: openai-python 3.52 (types/image_*), openai-openapi openapi.yaml (/images/generations, /images/edits).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters.shape import answers, failures, payload
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.rules import streams
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream


class OpenAIOptions(base.Options):
    """Extras of an ``openai`` channel."""

    organization: str | None = Field(None, description="sent as OpenAI-Organization")
    project: str | None = Field(None, description="sent as OpenAI-Project")
    response_format: Literal["b64_json", "url"] | None = Field(
        None, description="sent when set; GPT image models refuse the field, other servers may need b64_json"
    )
    stream: bool = Field(True, description="false: the server has no SSE; it is asked for JSON and the gateway streams")
    image_field: Literal["image", "image[]"] = Field(
        "image", description="multipart name of reference pictures; `image` becomes `image[]` when there are several"
    )
    generations_path: str = "/images/generations"
    edits_path: str = "/images/edits"


class OpenAIAdapter:
    """Speaks OpenAI's Images API, JSON and SSE."""

    Options = OpenAIOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; a model that is not in it gets the permissive row and the server decides."""
        return self._catalog.capabilities("openai", upstream_model)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """Without previews where the channel does not stream."""
        row = self.capabilities(request.model)
        return row if channel.options.stream else replace(row, partial_images=0)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key, and the organization and project of the channel."""
        options: OpenAIOptions = channel.options
        named = {"openai-organization": options.organization, "openai-project": options.project}
        credential = {"authorization": f"Bearer {key}"} if key else {}
        return {**credential, **{name: value for name, value in named.items() if value}, **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call; JSON or SSE comes back and is cut through."""
        options: OpenAIOptions = channel.options
        row = self.capabilities(request.model)
        payload.check_combination(request, row)
        stream = options.stream and streams(request, row)
        mapped = payload.fields(request, stream=stream, formats=row.formats)
        body = payload.merge(mapped, request.extra, channel.overrides)
        if options.response_format:
            body.setdefault("response_format", options.response_format)
        accept = {"accept": "text/event-stream" if stream else "application/json"}
        if request.operation is Operation.EDIT:
            call = upstream.post_form(options.edits_path, payload.form(body, request, options.image_field), headers=accept)
        else:
            call = upstream.post_json(options.generations_path, body, headers=accept)
        async with call as answer, aclosing(answers.events(answer, failures.openai_error_inside)) as events:
            async for event in events:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """OpenAI's envelope, code first."""
        return failures.openai_failure(refusal)


ROW = base.AdapterRow(
    "openai",
    lambda tools: OpenAIAdapter(tools.catalog),
    OpenAIOptions,
    default_base_url="https://api.openai.com/v1",
    key_variables=("OPENAI_API_KEY",),
    base_url_variable="OPENAI_BASE_URL",
    needs_key=False,
    free_check="/models",
    lists_models=True,
)
