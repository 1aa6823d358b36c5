"""Aliyun DashScope (Model Studio): Qwen-Image, Qwen-Image-Edit, Wan, Z-Image. The base url is the region or workspace host.

Source: dashscope 2.0.2, help.aliyun.com/zh/model-studio and alibabacloud.com/help/en/model-studio (image APIs, error codes).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters._dashscope import bodies, codes, interleaved, results
from imagegate.adapters._dashscope.bodies import Order
from imagegate.adapters.shape.jobs import paid, withdrawn
from imagegate.adapters.shape.masks import luminance_upload
from imagegate.adapters.shape.verdicts import by_status
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel
from imagegate.domain.events import ImageEvent, Progress
from imagegate.domain.images import ImageRequest
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal, Upstream


class DashscopeOptions(base.Options):
    """Extras of a ``dashscope`` channel."""

    workspace: str | None = Field(None, description="sent as X-DashScope-WorkSpace; keys of a sub-workspace need it")
    async_jobs: bool = Field(
        False, description="true: models that can be called both ways (wan2.6, wan2.7, qwen-image) are ordered as jobs"
    )
    poll_seconds: float = Field(3.0, gt=0, description="between two looks at a job")


class DashscopeAdapter:
    """Speaks DashScope's native API; its OpenAI-compatible mode makes no pictures."""

    Options = DashscopeOptions

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; its ``extra`` says how the model is called (see ``_dashscope.bodies``)."""
        row = self._catalog.capabilities("dashscope", upstream_model)
        return replace(row, vendor=bodies.taken(row))

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """Smaller pictures in an edit with words and pictures in turn."""
        return bodies.narrowed(request, self.capabilities(request.model))

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key, and the workspace of the channel."""
        options: DashscopeOptions = channel.options
        credential = {"authorization": f"Bearer {key}"} if key else {}
        workspace = {"x-dashscope-workspace": options.workspace} if options.workspace else {}
        return {**credential, **workspace, **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call, or a job and its polls, as the model's row says."""
        options: DashscopeOptions = channel.options
        if request.mask is not None:
            request = replace(request, mask=await luminance_upload(request.mask, self._executor, edit="white"))
        queue = request.extra.get("async_jobs", options.async_jobs) in (True, "true")
        order = bodies.order(request, self.capabilities(request.model), channel.overrides, queue=queue)
        events = _waited(order, options, upstream) if order.queued else _at_once(order, upstream)
        async with aclosing(events):
            async for event in events:
                yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """By ``code``, else by the status."""
        error = codes.told(refusal.json)
        return codes.by_code(error, refusal) or by_status(error, refusal)


async def _at_once(order: Order, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
    """One call. Words and pictures in turn come as an event stream."""
    async with upstream.post_json(order.path, order.body, headers=order.headers) as answer:
        if answer.content_type == "text/event-stream":
            async with aclosing(interleaved.events(answer)) as events:
                async for event in events:
                    yield event
            return
        document = await answer.json()
    for event in _made(order, document):
        yield event


async def _waited(order: Order, options: DashscopeOptions, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
    """Look until the job is done; cancel it when nobody waits any more, which works while it is queued."""
    async with upstream.post_json(order.path, order.body, headers=order.headers) as answer:
        task = results.task_id(await answer.json())
    done: Mapping[str, Any] = {}
    with paid():
        async with (
            withdrawn(lambda: _cancel(task, upstream)),
            aclosing(upstream.poll(f"/tasks/{task}", every=options.poll_seconds)) as looks,
        ):
            yield Progress("queued")
            async for document in looks:
                note = results.waiting(document)
                if note is None:
                    done = document
                    break
                yield Progress(note)
        for event in _made(order, done):
            yield event


def _made(order: Order, document: Any) -> Iterator[ImageEvent]:
    return interleaved.pictures(document) if order.interleaved else results.pictures(document)


async def _cancel(task: str, upstream: Upstream) -> None:
    async with upstream.post_bytes(f"/tasks/{task}/cancel", b"", headers={}) as answer:
        await answer.read()


ROW = base.AdapterRow(
    "dashscope",
    lambda tools: DashscopeAdapter(tools.catalog, tools.executor),
    DashscopeOptions,
    default_base_url="https://dashscope.aliyuncs.com/api/v1",
    key_variables=("DASHSCOPE_API_KEY",),
    base_url_variable="DASHSCOPE_HTTP_BASE_URL",
    free_check="/tasks/?page_no=1&page_size=1",
)
