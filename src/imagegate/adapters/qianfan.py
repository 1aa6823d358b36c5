"""Baidu Qianfan's v2 images API: generations, edits of one picture (with a mask), and models with an endpoint of their own.

Source: cloud.baidu.com/doc/qianfan-api (图像生成, 图像编辑, 错误码); public clients of 2026.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from imagegate.adapters import base
from imagegate.adapters.shape import answers, payload
from imagegate.adapters.shape.items import pictures_of
from imagegate.adapters.shape.masks import luminance_upload
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import Verdict, by_status, judged
from imagegate.adapters.shape.wishes import WISHES, wished_size
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, Finished, ImageEvent, ImageLink
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import BadResponse, GatewayError
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

_ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of an answer: some models put the pictures into it."""
_OWN: Kinds = {"seed": int, "steps": int, "guidance": float, "watermark": bool, "prompt_extend": bool}
_TAKEN = VendorFields(only=frozenset({*_OWN, "negative_prompt", "refer_image", "feature"}), sizes=WISHES)
_INSIDE = Refusal(200, {}, b"")

_CODES: Mapping[Verdict, str] = {
    Verdict.CALLER: """malformed_json invalid_argument invalid_messages characters_too_long tokens_too_long invalid_image_url
        invalid_image_generation_prompt invalid_image_genration_prompt invalid_image_generation_refer_image
        invalid_image_genration_refer_image 336001 336002 336003 336006 336007""",
    Verdict.KEY: "invalid_iam_token invalid_appid no_parameter_permission access_denied 6 13 14 15 100 110 111",
    Verdict.ACCOUNT: "account_overdue insufficient_quota 17 19",
    Verdict.MODEL: "invalid_model no_such_model model_not_found method_not_supported 3",
    Verdict.RATE: "Offline_batch_reasoning_refused 4 18",
    Verdict.BUSY: "2 336100",
    Verdict.SERVER: """internal_error dispatch_internal_error image_generation_internal_error image_genration_interal_error
        1 336000 336200""",
}
"""Some codes are misspelt on one page and not on another; the numbers are those of the older API."""
_VERDICTS = {code: verdict for verdict, codes in _CODES.items() for code in codes.split()}
_FAMILIES = (
    (re.compile(r"\w*(_unsafe|sensitive\w*)"), Verdict.CONTENT),
    (re.compile(r"\w*rate_limit_exceeded"), Verdict.RATE),
)
"""``image_url_unsafe`` and its like, ``rpm_rate_limit_exceeded`` and its like."""


class QianfanAdapter:
    """Speaks Qianfan's v2 images API."""

    Options = base.Options

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row. In ``extra``: ``path`` of a model that has its own, ``counted`` false when it takes no ``n``, and
        ``refer_image`` when its references go with a generation."""
        return replace(self._catalog.capabilities("qianfan", upstream_model), vendor=_TAKEN)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """There is one name for the user, and ``safety_identifier`` is the better one."""
        row = self.capabilities(request.model)
        twice = request.user and request.safety_identifier and row.parameters
        return replace(row, parameters=row.parameters - {"user"}) if twice and row.parameters else row

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key (``bce-v3/ALTAK-…``)."""
        return {**({"authorization": f"Bearer {key}"} if key else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call."""
        row = self.capabilities(request.model)
        if request.mask is not None:
            request = replace(request, mask=await luminance_upload(request.mask, self._executor, edit="white"))
        body = payload.merge(fields(request, row), {}, channel.overrides)
        async with upstream.post_json(path(request, row), body) as answer:
            document = await answer.json(_ANSWER_LIMIT)
        for event in pictures(document):
            yield _secured(event, upstream)

    def failure(self, refusal: Refusal) -> GatewayError:
        """By the word in ``error.code``, or the number in ``error_code``; else by the status."""
        error = _told(refusal.json)
        return _by_code(error, refusal) or by_status(error, refusal)


def path(request: ImageRequest, row: Capabilities) -> str:
    """Where this model is called."""
    if own := row.extra.get("path"):
        return str(own)
    edits = request.operation is Operation.EDIT and not row.extra.get("refer_image")
    return "/images/edits" if edits else "/images/generations"


def fields(request: ImageRequest, row: Capabilities) -> dict[str, Any]:
    """The request in Qianfan's fields."""
    own = {name: value for name, value in typed(request.extra, _OWN).items() if name not in WISHES and value is not None}
    body: dict[str, Any] = {**own, "model": request.model, "prompt": request.prompt}
    if row.extra.get("counted", True):
        body["n"] = request.n
    if size := wished_size(request, row.sizes):
        body["size"] = size
    if user := request.safety_identifier or request.user:
        body["user"] = user
    if request.images:
        body["refer_image" if row.extra.get("refer_image") else "image"] = InlineImage(request.images[0], as_url=True)
    if request.mask:
        body["mask"] = InlineImage(request.mask, as_url=True)
    if row.extra.get("features"):
        body.setdefault("feature", "repaint" if request.mask else "variation")
    return body


def pictures(document: Any) -> Iterator[ImageEvent]:
    """The pictures, and what was said beside them. Raises what the answer says instead, or BadResponse."""
    made = list(pictures_of(document.get("data"))) if isinstance(document, Mapping) else []
    if not made:
        error = _told(document)
        if error["code"] or error["message"]:
            raise _by_code(error, _INSIDE) or BadResponse("The provider reported a failure instead of a picture.")
        raise BadResponse("The provider answered without a picture.")
    yield from made
    whole = answers.read_details(document)
    extra, whole.extra = whole.extra, {}
    yield Finished(whole.usage, whole.created, whole, extra)


def _secured(event: ImageEvent, upstream: Upstream) -> ImageEvent:
    """Qianfan writes ``http`` for results on its storage, which has ``https`` as well."""
    source = getattr(event, "source", None)
    if not isinstance(event, CompletedImage) or not isinstance(source, ImageLink) or upstream.owns(source.url):
        return event
    return replace(event, source=ImageLink(re.sub("^http://", "https://", source.url)))


def _told(document: Any) -> dict[str, Any]:
    """``code`` and ``message``, in the new spelling or the old one."""
    if not isinstance(document, Mapping):
        return {"code": "", "message": None}
    if "error_code" in document:
        return {"code": str(document["error_code"] or ""), "message": document.get("error_msg")}
    error = document.get("error")
    if not isinstance(error, Mapping):
        return {"code": "", "message": error}
    return {"code": str(error.get("code") or ""), "message": error.get("message")}


def _by_code(error: Mapping[str, Any], refusal: Refusal) -> GatewayError | None:
    code = str(error["code"])
    verdict = _VERDICTS.get(code) or next((verdict for family, verdict in _FAMILIES if family.fullmatch(code)), None)
    return judged(verdict, error, refusal) if verdict else None


ROW = base.AdapterRow(
    "qianfan",
    lambda tools: QianfanAdapter(tools.catalog, tools.executor),
    default_base_url="https://qianfan.baidubce.com/v2",
    key_variables=("QIANFAN_API_KEY",),
)
