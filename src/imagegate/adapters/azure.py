"""Azure OpenAI and Microsoft Foundry: OpenAI's shape at a deployment's path, Black Forest Labs' FLUX.2, Microsoft's MAI.

Source: openai-python 3.52 (lib/azure), litellm 1.109.1 (llms/azure, llms/azure_ai), Microsoft Learn (Foundry: MAI, FLUX).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Literal
from urllib.parse import quote

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._azure import foundry
from imagegate.adapters.shape import answers, failures, payload
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import Finished, ImageEvent
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.rules import streams
from imagegate.errors import GatewayError
from imagegate.upstream.client import Answer, Refusal, Upstream
from imagegate.upstream.form import FormFile, MultipartForm

DATED = "2025-04-01-preview"
"""The api-version of deployment paths that has generations and edits."""

_V1 = "/openai/v1"
_FLUX_KINDS: Kinds = {
    "seed": int,
    "steps": int,
    "guidance": float,
    "safety_tolerance": int,
    "prompt_upsampling": bool,
}
_TAKEN: Mapping[str, VendorFields] = {
    "flux2": VendorFields(only=frozenset(_FLUX_KINDS), sizes=frozenset({"aspect_ratio"})),
    "mai": VendorFields(only=frozenset()),
}
"""By ``extra.route``; OpenAI's shape takes all."""
_VERSION = r"^[A-Za-z0-9.-]*$"


class AzureOptions(base.Options):
    """Extras of an ``azure`` channel."""

    auth: Literal["api-key", "bearer"] = Field("api-key", description="`bearer`: the key is a Microsoft Entra token")
    surface: Literal["deployments", "v1"] = Field(
        "deployments", description="`deployments`: the dated API, the deployment in the path; `v1`: the undated one"
    )
    api_version: str | None = Field(
        None, pattern=_VERSION, description=f"of the OpenAI-shaped paths; {DATED} for deployments and none for v1 when unset"
    )
    foundry_api_version: str = Field("preview", pattern=_VERSION, description="of the FLUX.2 and MAI paths")
    model_in_body: bool = Field(
        False, description="send `model` to deployment paths too; some models refuse a name that is not their own"
    )
    stream: bool = Field(True, description="false: deployments are asked for JSON and the gateway streams")


class AzureAdapter:
    """Speaks the three protocols that a Foundry resource has for pictures; the catalog's ``extra.route`` says which."""

    Options = AzureOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The row of the model. An upstream name is a deployment, or ``model/deployment`` where their names differ."""
        row = self._catalog.capabilities("azure", upstream_model.partition("/")[0])
        return replace(row, vendor=_TAKEN.get(row.extra.get("route", ""), row.vendor))

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """Without previews where the channel does not stream."""
        row = self.capabilities(request.model)
        return row if channel.options.stream else replace(row, partial_images=0)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """``api-key``, or a bearer token."""
        options: AzureOptions = channel.options
        credential = {"api-key": key} if options.auth == "api-key" else {"authorization": f"Bearer {key}"}
        return {**credential, **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call; JSON or SSE comes back and is cut through."""
        row = self.capabilities(request.model)
        model, _, deployment = request.model.partition("/")
        async with _call(replace(request, model=deployment or model), row, channel, upstream) as answer:
            source = answers.events(answer, failures.openai_error_inside)
            try:
                async for event in source:
                    yield foundry.with_usage(event) if isinstance(event, Finished) else event
            finally:
                await source.aclose()

    def failure(self, refusal: Refusal) -> GatewayError:
        """OpenAI's envelope, the inner error of the content filter, or the front door's ``{"statusCode", "message"}``."""
        return failures.openai_failure(refusal)


def _call(request: ImageRequest, row: Capabilities, channel: Channel, upstream: Upstream) -> AbstractAsyncContextManager[Answer]:
    options: AzureOptions = channel.options
    version = f"?api-version={options.foundry_api_version}"
    resource = upstream.base_url.removesuffix(_V1)
    match row.extra.get("route"):
        case "flux2":
            body = payload.merge(foundry.flux2_fields(request), typed(request.extra, _FLUX_KINDS), channel.overrides)
            return upstream.post_json(f"{resource}/providers/blackforestlabs/v1/{row.extra['path']}{version}", body)
        case "mai" if request.operation is Operation.EDIT:
            text = payload.flatten({"model": request.model, "prompt": request.prompt, **channel.overrides})
            form = MultipartForm(list(text), [FormFile("image", image) for image in request.images])
            return upstream.post_form(f"{resource}/mai/v1/images/edits{version}", form)
        case "mai":
            body = {**foundry.mai_fields(request), **channel.overrides}
            return upstream.post_json(f"{resource}/mai/v1/images/generations{version}", body)
    return _openai_shaped(request, row, channel, upstream)


def _openai_shaped(
    request: ImageRequest, row: Capabilities, channel: Channel, upstream: Upstream
) -> AbstractAsyncContextManager[Answer]:
    payload.check_combination(request, row)
    options: AzureOptions = channel.options
    stream = options.stream and streams(request, row)
    mapped = payload.fields(request, stream=stream, formats=row.formats)
    v1 = options.surface == "v1" or upstream.base_url.endswith(_V1)
    if not v1 and not options.model_in_body:
        del mapped["model"]
    if response_format := row.extra.get("response_format"):
        mapped["response_format"] = response_format
    body = payload.merge(mapped, request.extra, channel.overrides)
    edit = request.operation is Operation.EDIT
    version = options.api_version or ("" if v1 else DATED)
    folder = _V1 if v1 else f"/openai/deployments/{quote(request.model, safe='')}"
    query = f"?api-version={version}" if version else ""
    url = f"{upstream.base_url.removesuffix(_V1)}{folder}/images/{'edits' if edit else 'generations'}{query}"
    accept = {"accept": "text/event-stream" if stream else "application/json"}
    if edit:
        return upstream.post_form(url, payload.form(body, request, "image"), headers=accept)
    return upstream.post_json(url, body, headers=accept)


ROW = base.AdapterRow(
    "azure",
    lambda tools: AzureAdapter(tools.catalog),
    AzureOptions,
    key_variables=("AZURE_OPENAI_API_KEY",),
    base_url_variable="AZURE_OPENAI_ENDPOINT",
    free_check="{origin}/openai/v1/models",
)
