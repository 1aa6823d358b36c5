"""ComfyUI: a workflow of the operator with slots, ordered as a job; its results are files of the server.

Source: ComfyUI server.py (/prompt, /history, /view, /upload/image, /queue), execution.py (validate_prompt), nodes.py (LoadImage).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from imagegate.adapters import base
from imagegate.adapters._comfyui import history, uploads
from imagegate.adapters._comfyui.options import ComfyuiOptions
from imagegate.adapters._comfyui.template import filled, size_of, slots
from imagegate.adapters.shape import payload
from imagegate.adapters.shape.jobs import paid, withdrawn
from imagegate.adapters.shape.verdicts import Verdict, by_status, judged
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, Decider, SizeRule, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import Finished, ImageEvent, Progress
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import BadResponse, GatewayError, ModelMissing
from imagegate.upstream.client import Refusal, Upstream

_JOB = re.compile(r"[\w-]{1,100}")
_CALLERS = frozenset({"value_smaller_than_min", "value_bigger_than_max", "invalid_input_type"})
"""Kinds of a node's error that a request can cause; the others are the workflow's."""
_SEEDS = 2**48
_OURS = frozenset({"prompt", "model", "n", "width", "height", "mask"})
_NO_SIZE = SizeRule(decided_by=Decider.MODEL)


class ComfyuiAdapter:
    """Speaks ComfyUI's HTTP API."""

    Options = ComfyuiOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """One row for all; what a channel can do its workflows decide."""
        return self._catalog.capabilities("comfyui", upstream_model)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """What the workflow for this kind of request has slots for."""
        row = self.capabilities(request.model)
        template = _template(request, channel.options)[0]
        return row if template is None else narrowed(row, slots(template))

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """ComfyUI knows no keys; one that is given is the Bearer of a proxy before it."""
        return {**({"authorization": f"Bearer {key}"} if key else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """Upload what the workflow shows, order it, wait, and name the files."""
        options: ComfyuiOptions = channel.options
        template = workflow(request, options)
        known = values(request, options, self.capabilities(request.model))
        for name, image in uploads.uploads(request):
            known[name] = await uploads.uploaded(image, upstream)
        mapped = {"prompt": filled(template, known), "client_id": "imagegate"}
        async with upstream.post_json("/prompt", payload.merge(mapped, {}, channel.overrides)) as answer:
            job = _job(await answer.json())
        async with aclosing(_waited(job, request.n, options, upstream)) as events:
            async for event in events:
                yield event
        yield Finished(extra={"seed": known["seed"]})

    def failure(self, refusal: Refusal) -> GatewayError:
        """A workflow that ComfyUI refuses is the operator's mistake, except for numbers out of bounds."""
        document = refusal.json if isinstance(refusal.json, Mapping) else {}
        if refusal.status != 400 or "error" not in document:
            return by_status({}, refusal)
        faults = list(_faults(document.get("node_errors")))
        if faults and all(str(fault.get("type")) in _CALLERS for fault in faults):
            told = faults[0].get("extra_info")
            param = told.get("input_name") if isinstance(told, Mapping) else None
            return judged(Verdict.CALLER, {"message": faults[0].get("message"), "param": param}, refusal)
        return judged(Verdict.MODEL, {}, refusal)


def workflow(request: ImageRequest, options: ComfyuiOptions) -> Mapping[str, Any]:
    """The template for this kind of request. Raises ModelMissing when the channel has none."""
    chosen, what = _template(request, options)
    if chosen is None:
        raise ModelMissing(f"The channel of this model has no workflow for {what}; the operator has to add one.")
    return chosen


def _template(request: ImageRequest, options: ComfyuiOptions) -> tuple[Mapping[str, Any] | None, str]:
    if request.mask is not None:
        return options.mask_workflow, "edits with a mask"
    if request.operation is Operation.EDIT:
        return options.edit_workflow, "edits"
    return options.workflow, "generations"


def narrowed(row: Capabilities, slots: frozenset[str]) -> Capabilities:
    """What a workflow can do that has these slots: a wish without a slot would change nothing."""
    pictures = next(number for number in range(len(slots) + 1) if f"image_{number}" not in slots)
    own = frozenset(name for name in slots - _OURS if not name.startswith("image_"))
    return replace(
        row,
        max_n=row.max_n if "n" in slots else 1,
        sizes=row.sizes if {"width", "height"} <= slots else _NO_SIZE,
        mask="mask" in slots,
        max_references=min(pictures, row.max_references),
        vendor=VendorFields(only=own),
    )


def values(request: ImageRequest, options: ComfyuiOptions, row: Capabilities) -> dict[str, Any]:
    """What the slots stand for, pictures aside. The caller's own fields fill those that we do not know."""
    own = {name: value for name, value in request.extra.items() if isinstance(value, (str, int, float))}
    width, height = size_of(request, options.default_size, row.sizes)
    mapped = {"prompt": request.prompt, "model": request.model, "n": request.n, "width": width, "height": height}
    drawn = {"negative_prompt": "", "seed": secrets.randbelow(_SEEDS)}
    return {**drawn, **own, **mapped}


async def _waited(job: str, n: int, options: ComfyuiOptions, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
    """Whoever leaves early takes a job that still waits out of the queue; one that runs is finished."""

    async def drop() -> None:
        async with upstream.post_json("/queue", {"delete": [job]}) as answer:
            await answer.read()

    with paid():
        async with withdrawn(drop):
            yield Progress("queued")
            async with aclosing(upstream.poll(f"/history/{job}", every=options.poll_seconds)) as looks:
                async for document in looks:
                    entry = document.get(job)
                    if not isinstance(entry, Mapping):
                        yield Progress("waiting or drawing")
                        continue
                    for picture in history.done(entry, n, options, upstream.base_url):
                        yield picture
                    return


def _job(document: Any) -> str:
    job = document.get("prompt_id") if isinstance(document, Mapping) else None
    if isinstance(job, str) and _JOB.fullmatch(job):
        return job
    raise BadResponse("The provider took the job without naming it.")


def _faults(nodes: Any) -> Iterator[Mapping[str, Any]]:
    for node in nodes.values() if isinstance(nodes, Mapping) else ():
        for fault in (node.get("errors") if isinstance(node, Mapping) else None) or ():
            if isinstance(fault, Mapping):
                yield fault


ROW = base.AdapterRow(
    "comfyui",
    lambda tools: ComfyuiAdapter(tools.catalog),
    ComfyuiOptions,
    needs_key=False,
    free_check="/system_stats",
)
