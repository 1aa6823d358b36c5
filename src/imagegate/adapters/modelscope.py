"""ModelScope API-Inference (魔搭): open models behind one endpoint, ordered as jobs.

Source: modelscope.cn/docs (API-Inference, AIGC 模型), copies and clients of it that others published in 2026.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._modelscope import results
from imagegate.adapters.shape import payload
from imagegate.adapters.shape.jobs import paid
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import Verdict, by_status, judged
from imagegate.adapters.shape.wishes import WISHES, wished_size
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent, Progress
from imagegate.domain.images import ImageRequest
from imagegate.errors import Ambiguous, GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_PATH = "/images/generations"
_OWN: Kinds = {"seed": int, "steps": int, "guidance": float}
_TAKEN = VendorFields(only=frozenset({*_OWN, "negative_prompt", "loras"}), sizes=WISHES)
_LEFT_TODAY = "modelscope-ratelimit-requests-remaining"


class ModelscopeOptions(base.Options):
    """Extras of a ``modelscope`` channel."""

    async_jobs: bool = Field(True, description="false: wait for the picture in the first answer, which models may refuse")
    poll_seconds: float = Field(5.0, gt=0, description="between two looks at a job")
    image_form: Literal["list", "text"] = Field(
        "list", description="how one reference picture is written into `image_url`; several are always a list"
    )


class ModelscopeAdapter:
    """Speaks ModelScope's image inference."""

    Options = ModelscopeOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; most models of the hub have only that of their family."""
        return replace(self._catalog.capabilities("modelscope", upstream_model), vendor=_TAKEN)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer token."""
        return {**({"authorization": f"Bearer {key}"} if key else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """A job and its polls, or one call."""
        options: ModelscopeOptions = channel.options
        body = payload.merge(fields(request, self.capabilities(request.model), options), {}, channel.overrides)
        headers = {"x-modelscope-async-mode": "true"} if options.async_jobs else {}
        async with upstream.post_json(_PATH, body, headers=headers) as answer:
            document = await answer.json()
        if not options.async_jobs:
            for event in results.pictures(document):
                yield event
            return
        async with aclosing(_waited(results.task_name(document), options, upstream)) as events:
            async for event in events:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """By the status: error codes are not documented. A 429 with nothing left today is an empty account."""
        error = results.told(refusal.json)
        if error["code"] in results.CONTENT:
            return judged(Verdict.CONTENT, error, refusal)
        if refusal.status == 429 and refusal.headers.get(_LEFT_TODAY) == "0":
            return judged(Verdict.ACCOUNT, error, refusal)
        return by_status(error, refusal)


async def _waited(task: str, options: ModelscopeOptions, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
    """ModelScope has no way to cancel a job."""
    yield Progress("queued")
    headers = {"x-modelscope-task-type": "image_generation"}
    with paid():
        async with aclosing(upstream.poll(f"/tasks/{task}", every=options.poll_seconds, headers=headers)) as looks:
            async for document in looks:
                status = document.get("task_status")
                if status == "SUCCEED":
                    for event in results.pictures(document):
                        yield event
                    return
                if status == "FAILED":
                    raise results.inside(document) or Ambiguous("The provider's job failed.")
                yield Progress("queued" if status == "PENDING" else "processing")


def fields(request: ImageRequest, row: Capabilities, options: ModelscopeOptions) -> dict[str, Any]:
    """The request in ModelScope's fields."""
    own = {name: value for name, value in typed(request.extra, _OWN).items() if name not in WISHES and value is not None}
    body: dict[str, Any] = {**own, "model": request.model, "prompt": request.prompt}
    if size := wished_size(request, row.sizes):
        body["size"] = size
    urls = [InlineImage(image, as_url=True) for image in request.images]
    if urls:
        body["image_url"] = urls[0] if len(urls) == 1 and options.image_form == "text" else urls
    return body


ROW = base.AdapterRow(
    "modelscope",
    lambda tools: ModelscopeAdapter(tools.catalog),
    ModelscopeOptions,
    default_base_url="https://api-inference.modelscope.cn/v1",
    key_variables=("MODELSCOPE_API_KEY", "MODELSCOPE_API_TOKEN"),
)
