"""SiliconFlow: OpenAI's path with fields of its own; edit models share the path and take no size.

Source: docs.siliconflow.cn (images-generations, FAQ on error codes); Portkey's siliconflow adapter.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import replace
from typing import Any

from imagegate.adapters import base
from imagegate.adapters.shape import payload, verdicts
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, Decider, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, Finished, ImageEvent, ImageLink
from imagegate.domain.images import ImageRequest
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_KINDS: Kinds = {"seed": int, "num_inference_steps": int, "guidance_scale": float, "cfg": float}
_IMAGE_NAMES = ("image", "image2", "image3")
_TAKEN = VendorFields(never=frozenset({*_IMAGE_NAMES, "batch_size"}), sizes=frozenset({"image_size"}))
_VERDICTS: Mapping[int, Verdict] = {
    20012: Verdict.MODEL,
    20015: Verdict.CALLER,
    20021: Verdict.CONTENT,
    30001: Verdict.ACCOUNT,
    30003: Verdict.MODEL,
    50505: Verdict.BUSY,
    50603: Verdict.BUSY,
}
_LEGAL = 451
"""HTTP status for what a government forbids (RFC 7725): a refused prompt is 451 with code 20021, seen by others in 2026."""


class SiliconFlowAdapter:
    """Speaks ``/images/generations``; results are links that hold for an hour."""

    Options = base.Options

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        return replace(self._catalog.capabilities("siliconflow", upstream_model), vendor=_TAKEN)

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key."""
        return {**({"authorization": f"Bearer {key}"} if key else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call."""
        mapped = fields(request, self.capabilities(request.model))
        body = payload.merge(mapped, typed(request.extra, _KINDS), channel.overrides)
        async with upstream.post_json("/images/generations", body) as answer:
            document = await answer.json()
        for event in pictures(document):
            yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """``{"code", "message", "data"}``, by code; 401 is a plain text."""
        document = refusal.json
        error = document if isinstance(document, Mapping) else {}
        code = error.get("code")
        verdict = Verdict.CONTENT if refusal.status == _LEGAL else _VERDICTS.get(code) if isinstance(code, int) else None
        told = {"message": error.get("message"), "code": str(code) if isinstance(code, int) else None}
        return verdicts.judged(verdict, told, refusal) if verdict else verdicts.by_status(told, refusal)


def fields(request: ImageRequest, row: Capabilities) -> dict[str, Any]:
    """The request in SiliconFlow's fields. A size is required, except where the model takes none."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt}
    if row.sizes_for(request).decided_by is Decider.CALLER and (size := _size(request, row)):
        body["image_size"] = size
    if request.n != 1:
        body["batch_size"] = request.n
    pictures = [InlineImage(image, as_url=True) for image in request.images]
    body.update(zip(_IMAGE_NAMES, pictures, strict=False))
    return body


def pictures(document: Any) -> Iterator[ImageEvent]:
    """The answer as events; the list is called ``images`` or ``data``. Raises BadResponse."""
    if not isinstance(document, Mapping):
        raise BadResponse("The provider answered with something that is not the JSON it should be.")
    items = document.get("images") or document.get("data") or ()
    urls = [item["url"] for item in items if isinstance(item, Mapping) and item.get("url")]
    if not urls:
        raise BadResponse("The provider answered without a picture.")
    yield from (CompletedImage(ImageLink(str(url))) for url in urls)
    yield Finished(extra={name: document[name] for name in ("seed", "timings") if document.get(name) is not None})


def _size(request: ImageRequest, row: Capabilities) -> str | None:
    if request.size not in {None, "auto"}:
        return request.size
    if own := request.extra.get("image_size"):
        return str(own)
    return "{}x{}".format(*row.sizes.fixed[0]) if row.sizes.fixed else None


ROW = base.AdapterRow(
    "siliconflow",
    lambda tools: SiliconFlowAdapter(tools.catalog),
    default_base_url="https://api.siliconflow.cn/v1",
    key_variables=("SILICONFLOW_API_KEY",),
    base_url_variable="SILICONFLOW_BASE_URL",
    free_check="/models?type=image",
    lists_models=True,
)
