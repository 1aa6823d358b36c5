"""Zhipu BigModel and Z.ai (CogView, GLM-Image): one call, or a queued job; pictures come as urls. The base url is the region.

Source: zai-sdk 0.2.3 (api_resource/images, types/image), docs.bigmodel.cn (图像生成, 错误码), docs.z.ai (api-code).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from pydantic import Field

from imagegate.adapters import base
from imagegate.adapters.shape import answers, failures, payload
from imagegate.adapters.shape.items import pictures_of
from imagegate.adapters.shape.jobs import paid
from imagegate.adapters.shape.verdicts import Verdict, by_status, judged
from imagegate.adapters.shape.wishes import WISHES, wished_size
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import Finished, ImageEvent, Progress, Usage
from imagegate.domain.images import ImageRequest
from imagegate.errors import Ambiguous, BadResponse, GatewayError
from imagegate.upstream.client import Refusal, Upstream

_OWN_FIELDS = ("watermark_enabled", "user_id", "request_id", "sensitive_word_check")
_TAKEN = frozenset({*_OWN_FIELDS, "watermark"})
_JOB = re.compile(r"[\w.:-]{1,200}")
_USER_ID = range(6, 129)
_INSIDE = Refusal(200, {}, b"")

_CODES: Mapping[Verdict, tuple[int, ...]] = {
    Verdict.CONTENT: (1301,),
    Verdict.CALLER: (1210, 1213, 1214, 1215, 1231, 1261),
    Verdict.TOO_LARGE: (435,),
    Verdict.KEY: (1000, 1001, 1002, 1003, 1004, 1220, 434),
    Verdict.ACCOUNT: (1110, 1111, 1112, 1113, 1120, 1121, 1304, 1308, 1309, 1310, 1311, 1313),
    Verdict.MODEL: (1211, 1212),
    Verdict.RATE: (1302, 1303, 1305),
    Verdict.BUSY: (1312,),
    Verdict.SERVER: (500, 1200, 1230, 1234),
}
_VERDICTS = {str(code): verdict for verdict, codes in _CODES.items() for code in codes}


class ZhipuOptions(base.Options):
    """Extras of a ``zhipu`` channel."""

    async_jobs: bool = Field(False, description="true: models that have a queue (glm-image) are ordered there and polled")
    poll_seconds: float = Field(3.0, gt=0, description="between two looks at a queued job")
    watermark_enabled: bool | None = Field(
        None, description="sent when set; Zhipu's own default is true, and false needs a signed disclaimer; a caller's value wins"
    )


class ZhipuAdapter:
    """Speaks BigModel's images API, at once or queued."""

    Options = ZhipuOptions

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row; ``extra.queue`` there: the model can be ordered as a job."""
        row = self._catalog.capabilities("zhipu", upstream_model)
        queue = {"async_jobs"} if row.extra.get("queue") else set()
        return replace(row, vendor=VendorFields(only=_TAKEN | queue, sizes=WISHES))

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """Zhipu has one name for the user, ``user_id``, of 6 to 128 characters; what cannot be sent as it is dropped."""
        row = self.capabilities(request.model)
        sent = _user(request, request.extra)
        lost = {name for name in ("user", "safety_identifier") if (value := getattr(request, name)) and value != sent}
        return replace(row, parameters=row.parameters - lost) if lost and row.parameters else row

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """Bearer key as it is (no JWT needed); error texts in English where the host has them."""
        credential = {"authorization": f"Bearer {key}"} if key else {}
        return {**credential, "accept-language": "en-US,en", **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """One call, or a job and its polls."""
        options: ZhipuOptions = channel.options
        row = self.capabilities(request.model)
        body = payload.merge(fields(request, row, options), {}, channel.overrides)
        if row.extra.get("queue") and request.extra.get("async_jobs", options.async_jobs) is True:
            async with aclosing(_queued(body, options, upstream)) as events:
                async for event in events:
                    yield event
            return
        async with upstream.post_json("/images/generations", body) as answer:
            document = await answer.json()
        for event in pictures(document, "data"):
            yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """By the number in ``error.code``, written as text or not."""
        error = failures.error_object(refusal.json)
        return _by_code(error, refusal) or by_status(error, refusal)


async def _queued(body: Mapping[str, Any], options: ZhipuOptions, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
    """Zhipu has no way to cancel a job."""
    async with upstream.post_json("/async/images/generations", body) as answer:
        job = _job(await answer.json())
    yield Progress("queued")
    with paid():
        async with aclosing(upstream.poll(f"/async-result/{job}", every=options.poll_seconds)) as looks:
            async for document in looks:
                status = document.get("task_status")
                if status == "SUCCESS":
                    for event in pictures(document, "image_result"):
                        yield event
                    return
                if status == "FAIL" or document.get("error"):
                    raise _reason(document) or Ambiguous("The provider's job failed.")
                yield Progress("processing" if status == "PROCESSING" else "waiting")


def fields(request: ImageRequest, row: Capabilities, options: ZhipuOptions) -> dict[str, Any]:
    """The request in Zhipu's fields, ``watermark`` and ``user`` by their Zhipu names."""
    extra = request.extra
    own = {name: extra[name] for name in _OWN_FIELDS if extra.get(name) is not None}
    asked = extra.get("watermark")
    watermark = options.watermark_enabled if asked is None else asked
    if watermark is not None:
        own.setdefault("watermark_enabled", watermark)
    if user := _user(request, extra):
        own["user_id"] = user
    body: dict[str, Any] = {**own, "model": request.model, "prompt": request.prompt}
    named = {"size": wished_size(request, row.sizes), "quality": request.quality}
    return {**body, **{name: value for name, value in named.items() if value is not None}}


def _user(request: ImageRequest, extra: Mapping[str, Any]) -> Any:
    """Whom the request is for; the caller's own ``user_id`` wins."""
    named = request.safety_identifier or request.user or ""
    return extra.get("user_id") or (named if len(named) in _USER_ID else None)


def pictures(document: Any, place: str) -> Iterator[ImageEvent]:
    """The pictures of an answer and what was said beside them. Raises ContentRefused or BadResponse when there are none."""
    made = list(pictures_of(document.get(place))) if isinstance(document, Mapping) else []
    if not made:
        raise _reason(document) or BadResponse("The provider answered without a picture.")
    yield from made
    whole = answers.read_details({name: value for name, value in document.items() if name not in {place, "task_status"}})
    extra, whole.extra = whole.extra, {}
    yield Finished(_usage(document.get("usage")), whole.created, whole, extra)


def _usage(counted: Any) -> Usage | None:
    """``usage`` as chat models write it, or as OpenAI's images do."""
    if not isinstance(counted, Mapping):
        return None
    names = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
    return answers.read_usage({names.get(name, name): value for name, value in counted.items()})


def _job(document: Any) -> str:
    job = document.get("id") if isinstance(document, Mapping) else None
    if isinstance(job, str) and _JOB.fullmatch(job):
        return job
    raise _reason(document) or BadResponse("The provider took the job without naming it.")


def _reason(document: Any) -> GatewayError | None:
    """Why an answer with status 200 holds no picture, as far as it says: an ``error``, or the filter at its worst level, 0."""
    if not isinstance(document, Mapping):
        return None
    if document.get("error"):
        known = _by_code(failures.error_object(document), _INSIDE)
        return known or BadResponse("The provider reported a failure instead of a picture.")
    filters = document.get("content_filter") or document.get("contentFilter")
    levels = [item.get("level") for item in filters if isinstance(item, Mapping)] if isinstance(filters, list) else []
    return judged(Verdict.CONTENT, {}, _INSIDE) if 0 in levels or "0" in levels else None


def _by_code(error: Mapping[str, Any], refusal: Refusal) -> GatewayError | None:
    verdict = _VERDICTS.get(str(error.get("code")))
    return judged(verdict, error, refusal) if verdict else None


ROW = base.AdapterRow(
    "zhipu",
    lambda tools: ZhipuAdapter(tools.catalog),
    ZhipuOptions,
    default_base_url="https://open.bigmodel.cn/api/paas/v4",
    key_variables=("ZHIPU_API_KEY", "ZHIPUAI_API_KEY", "ZAI_API_KEY"),
    base_url_variable="ZAI_BASE_URL",
)
