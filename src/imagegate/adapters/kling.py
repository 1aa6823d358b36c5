"""Kling (Kuaishou): submit and poll; a key is an API key, or ``accessKey:secretKey`` from which a token is signed.

Source: app.klingai.com's API reference as read in public copies (2026-01 … 2026-10): image generation, multi-image, omni-image,
error codes. Codes other than 0 are errors, also with HTTP 200. Pictures are base64 without a ``data:`` prefix.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal

import orjson
from pydantic import Field

from imagegate.adapters import base as contract
from imagegate.adapters.shape import payload, verdicts
from imagegate.adapters.shape.jobs import paid
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, Decider, SizeRule, VendorFields
from imagegate.domain.channels import Channel
from imagegate.domain.events import CompletedImage, Finished, ImageEvent, ImageLink, Progress
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, aspect_ratio, parse_size, tier
from imagegate.errors import BadResponse, GatewayError, ModelMissing, RateLimited, Unavailable
from imagegate.upstream.client import Refusal, Upstream
from imagegate.upstream.inline import InlineImage

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9")
"""What ``aspect_ratio`` takes; kling-v1 lacks the last."""

_TOKEN_SECONDS = 1800
_CLOCK_SKEW_SECONDS = 5
_TAKEN = VendorFields(never=frozenset({"callback_url", "model_name"}), sizes=frozenset({"aspect_ratio", "resolution"}))
_KINDS: Kinds = {"image_fidelity": float, "human_fidelity": float, "watermark": bool, "watermark_info": {"enabled": bool}}
_TASK_ID = re.compile(r"[\w-]{1,200}")
_VERDICTS: Mapping[int, Verdict] = {
    **dict.fromkeys(range(1000, 1005), Verdict.KEY),
    **dict.fromkeys((1100, 1101, 1102), Verdict.ACCOUNT),
    1103: Verdict.KEY,
    1200: Verdict.CALLER,
    1201: Verdict.CALLER,
    1202: Verdict.MODEL,
    1203: Verdict.MODEL,
    1300: Verdict.CONTENT,
    1301: Verdict.CONTENT,
    1302: Verdict.RATE,
    1303: Verdict.RATE,
    1304: Verdict.KEY,
    5000: Verdict.SERVER,
    5001: Verdict.BUSY,
    5002: Verdict.TIMEOUT,
}


class KlingOptions(contract.Options):
    """Extras of a ``kling`` channel."""

    poll_seconds: float = Field(2.0, gt=0, description="about how often a job is looked at")
    image_reference: Literal["subject", "face"] = Field("subject", description="what kling-v1-5 takes from a reference picture")


class KlingAdapter:
    """Speaks Kling's image API; which route a model has is the catalog's ``extra``. ``clock``: seconds since 1970."""

    Options = KlingOptions

    def __init__(self, catalog: Catalog, clock: Callable[[], float] = time.time) -> None:
        self._catalog = catalog
        self._clock = clock

    def capabilities(self, upstream_model: str) -> Capabilities:
        """The catalog's row."""
        return replace(self._catalog.capabilities("kling", upstream_model), vendor=_TAKEN)

    def capabilities_for(self, request: ImageRequest, channel: Channel) -> Capabilities:
        """``extra.restyles``: one reference keeps its own shape, several are subjects of a new picture."""
        row = self.capabilities(request.model)
        restyled = row.extra.get("restyles") and route(request, row) != "multi-image2image"
        return replace(row, edit_sizes=SizeRule(decided_by=Decider.INPUT, policy=row.sizes.policy)) if restyled else row

    def headers(self, channel: Channel, key: str) -> Mapping[str, str]:
        """The API key, or a token that holds for half an hour."""
        access, colon, secret = key.partition(":")
        bearer = token(access, secret, int(self._clock())) if colon else key
        return {**({"authorization": f"Bearer {bearer}"} if key else {}), **channel.headers}

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        """Submit, look until the job is done, hand the links over. Kling has no call that withdraws a job."""
        options: KlingOptions = channel.options
        row = self.capabilities(request.model)
        extra = typed(request.extra, _KINDS)
        path = f"/images/{route(request, row)}"
        unknown = {name: value for name, value in extra.items() if name != "watermark"}
        body = payload.merge(fields(request, extra, row, options), unknown, channel.overrides)
        async with upstream.post_json(path, body) as answer:
            job = _data(await answer.json()).get("task_id")
        if not isinstance(job, str) or not _TASK_ID.fullmatch(job):
            raise BadResponse("The provider took the job without saying its name.")
        yield Progress("the provider took the job")
        with paid():
            async with aclosing(upstream.poll(f"{path}/{job}", every=options.poll_seconds)) as looks:
                async for event in _watched(looks):
                    yield event

    def failure(self, refusal: Refusal) -> GatewayError:
        """By ``code``, else by the status."""
        document = refusal.json if isinstance(refusal.json, Mapping) else {}
        verdict = _verdict(document)
        return verdicts.judged(verdict, document, refusal) if verdict else verdicts.by_status(document, refusal)


def token(access: str, secret: str, now: int) -> str:
    """A JWT (RFC 7519) as Kling wants it: HS256, issued by the access key, for ``now`` in seconds."""
    claims = {"iss": access, "exp": now + _TOKEN_SECONDS, "nbf": now - _CLOCK_SKEW_SECONDS}
    signed = f"{_base64url(orjson.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{_base64url(orjson.dumps(claims))}"
    return f"{signed}.{_base64url(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def route(request: ImageRequest, row: Capabilities) -> str:
    """Below ``/images/``. ``extra.multi``: the number of references from which the multi-image route is used."""
    multi = row.extra.get("multi")
    if multi and len(request.images) >= multi:
        return "multi-image2image"
    return str(row.extra.get("route", "generations"))


def fields(request: ImageRequest, extra: Mapping[str, Any], row: Capabilities, options: KlingOptions) -> dict[str, Any]:
    """The request in Kling's fields."""
    body: dict[str, Any] = {"model_name": request.model, "prompt": request.prompt}
    if request.n != 1:
        body["n"] = request.n
    pictures = [InlineImage(image) for image in request.images]
    where = route(request, row)
    if where == "multi-image2image" and pictures:
        body["subject_image_list"] = [{"subject_image": picture} for picture in pictures]
    elif where == "omni-image" and pictures:
        body["image_list"] = [{"image": picture} for picture in pictures]
    elif pictures:
        body["image"] = pictures[0]
        if row.extra.get("reference"):
            body["image_reference"] = extra.get("image_reference", options.image_reference)
    body.update(_shape(request.size, () if where == "multi-image2image" else row.extra.get("tiers", ())))
    if "watermark" in extra and "watermark_info" not in extra:
        body["watermark_info"] = {"enabled": extra["watermark"]}
    return body


def _shape(asked: str | None, tiers: tuple[str, ...]) -> dict[str, str]:
    size = parse_size(asked) if asked else None
    if not isinstance(size, PixelSize):
        return {}
    shape = {"aspect_ratio": aspect_ratio(size, RATIOS)}
    return {**shape, "resolution": tier(size, tiers)} if tiers else shape


async def _watched(looks: AsyncGenerator[Mapping[str, Any]]) -> AsyncGenerator[ImageEvent]:
    """A note for each new status, then the pictures. A look that was refused for load is no answer."""
    status = "submitted"
    async for document in looks:
        try:
            data = _data(document)
        except ModelMissing:  # the job is gone
            raise
        except (RateLimited, Unavailable):
            continue
        if data.get("task_status") == "succeed":
            for event in pictures(data):
                yield event
            return
        if data.get("task_status") == "failed":
            raise BadResponse("The provider could not make the picture; it may have refused its content.")
        if data.get("task_status") != status:
            status = str(data.get("task_status"))
            yield Progress("the provider is at work")


def pictures(data: Mapping[str, Any]) -> Iterator[ImageEvent]:
    """The links of a finished job, and what it took. Raises BadResponse when there are none."""
    result = data.get("task_result")
    listed = [(result.get(name) or ()) for name in ("images", "series_images")] if isinstance(result, Mapping) else []
    urls = [item["url"] for items in listed for item in items if isinstance(item, Mapping) and item.get("url")]
    if not urls:
        raise BadResponse("The provider answered without a picture.")
    yield from (CompletedImage(ImageLink(str(url))) for url in urls)
    created = data.get("created_at")
    told = {name: data[name] for name in ("task_id", "final_unit_deduction") if data.get(name) is not None}
    yield Finished(created=created // 1000 if isinstance(created, int) else None, extra=told)


def _data(document: Any) -> Mapping[str, Any]:
    """``data`` of an answer. Raises what its ``code`` says."""
    if not isinstance(document, Mapping):
        raise BadResponse("The provider answered with something that is not the JSON it should be.")
    if document.get("code") != 0:
        verdict = _verdict(document)
        if verdict is None:
            raise BadResponse("The provider reported a failure instead of a picture.")
        raise verdicts.judged(verdict, document, Refusal(200, {}, b""))
    data = document.get("data")
    return data if isinstance(data, Mapping) else {}


def _verdict(document: Mapping[str, Any]) -> Verdict | None:
    code = document.get("code")
    return _VERDICTS.get(code) if isinstance(code, int) else None


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


ROW = contract.AdapterRow(
    "kling",
    lambda tools: KlingAdapter(tools.catalog),
    KlingOptions,
    default_base_url="https://api-singapore.klingai.com/v1",
    key_variables=("KLING_API_KEY",),
    base_url_variable="KLING_BASE_URL",
)
