"""Image jobs of Tencent Cloud API 3.0: fields, answers and codes; what is sent and when is the adapter's business.

Source: cloud.tencent.com/document/api/1729 (hunyuan, 2023-09-01) and /1668 (aiart, 2022-12-29). Errors are HTTP 200.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from imagegate.adapters.shape import verdicts
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.domain.capabilities import VendorFields
from imagegate.domain.events import CompletedImage, Finished, ImageDetails, ImageEvent, ImageLink
from imagegate.domain.images import ImageRequest
from imagegate.errors import BadResponse, GatewayError, ModelMissing, RateLimited, Unavailable
from imagegate.upstream.client import Refusal
from imagegate.upstream.inline import InlineImage

JOBS = {
    "hunyuan": ("SubmitHunyuanImageJob", "QueryHunyuanImageJob"),
    "aiart": ("SubmitTextToImageJob", "QueryTextToImageJob"),
}
"""Actions of models that the catalog does not know: submit, query."""

VERSIONS = {"hunyuan": "2023-09-01", "aiart": "2022-12-29"}
"""Service to version."""

_DONE, _FAILED = "5", "4"
_NAMES = {"negative_prompt": "NegativePrompt", "seed": "Seed"}
TAKEN = VendorFields(
    only=frozenset({*_NAMES, "watermark", "revise", "[A-Z]*"}),
    never=frozenset({"Prompt", "Num"}),
    sizes=frozenset({"Resolution"}),
)
"""Ours, and Tencent's own spelling (``Clarity``, ``LogoParam``); it would refuse any other name."""
_VERDICTS: Mapping[str, Verdict] = {
    "OperationDenied.TextIllegalDetected": Verdict.CONTENT,
    "OperationDenied.ImageIllegalDetected": Verdict.CONTENT,
    "FailedOperation.RequestTimeout": Verdict.TIMEOUT,
    "FailedOperation.ConsoleServerError": Verdict.SERVER,
    "FailedOperation.ImageDecodeFailed": Verdict.CALLER,
    "FailedOperation.ImageDownloadError": Verdict.CALLER,
    "FailedOperation.ImageResolutionExceed": Verdict.CALLER,
    "FailedOperation.ImageSizeExceed": Verdict.CALLER,
    "OperationDenied": Verdict.KEY,
    "FailedOperation": Verdict.SERVER,
    "InternalError": Verdict.SERVER,
    "ServerError": Verdict.SERVER,
    "ServiceUnavailable": Verdict.BUSY,
    "ResourceInsufficient": Verdict.BUSY,
    "RequestLimitExceeded": Verdict.RATE,
    "LimitExceeded": Verdict.RATE,
    "ResourceUnavailable": Verdict.ACCOUNT,
    "AuthFailure": Verdict.KEY,
    "UnauthorizedOperation": Verdict.KEY,
    "InvalidAction": Verdict.MODEL,
    "ActionOffline": Verdict.MODEL,
    "NoSuchVersion": Verdict.MODEL,
    "NoSuchProduct": Verdict.MODEL,
    "UnsupportedRegion": Verdict.MODEL,
    "InvalidParameter": Verdict.CALLER,
    "InvalidParameterValue": Verdict.CALLER,
    "MissingParameter": Verdict.CALLER,
    "UnknownParameter": Verdict.CALLER,
    "UnsupportedOperation": Verdict.CALLER,
}
"""By the whole code, else by its first part."""


def fields(request: ImageRequest, extra: Mapping[str, Any], *, logo: bool) -> dict[str, Any]:
    """The request in API 3.0's fields. ``logo``: whether the visible mark is drawn, which Tencent does unless told not to."""
    body: dict[str, Any] = {"Prompt": request.prompt, "LogoAdd": int(bool(extra.get("watermark", logo)))}
    if request.n != 1:
        body["Num"] = request.n
    if request.size not in {None, "auto"}:
        body["Resolution"] = str(request.size).replace("x", ":")
    if request.style:
        body["Style"] = request.style
    if request.images:
        body["ContentImage"] = {"ImageBase64": InlineImage(request.images[0])}
    if "revise" in extra:
        body["Revise"] = int(bool(extra["revise"]))
    body.update((own, extra[name]) for name, own in _NAMES.items() if name in extra)
    return body


def passed(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Unknown fields in Tencent's own spelling."""
    return {name: value for name, value in extra.items() if name[:1].isupper()}


def response(document: Any) -> Mapping[str, Any]:
    """``Response`` of an answer. Raises what its ``Error`` says, or BadResponse."""
    told = document.get("Response") if isinstance(document, Mapping) else None
    if not isinstance(told, Mapping):
        raise BadResponse("The provider answered with something that is not the JSON it should be.")
    if told.get("Error"):
        raise failure(document, Refusal(200, {}, b"")) or BadResponse("The provider reported a failure instead of a picture.")
    return told


def failure(document: Any, refusal: Refusal) -> GatewayError | None:
    """``Response.Error`` as one of our errors; None when there is none, or its code is unknown."""
    told = document.get("Response") if isinstance(document, Mapping) else None
    error = told.get("Error") if isinstance(told, Mapping) else None
    return _judged(error.get("Code"), error.get("Message"), refusal) if isinstance(error, Mapping) else None


def finished(job: Mapping[str, Any]) -> bool:
    """Whether a job is done. Raises what its error code says when it failed."""
    status = str(job.get("JobStatusCode"))
    if status == _FAILED:
        known = _judged(job.get("JobErrorCode"), job.get("JobErrorMsg"), Refusal(200, {}, b""))
        raise known or BadResponse("The provider could not make the picture.")
    return status == _DONE


def pictures(job: Mapping[str, Any]) -> Iterator[ImageEvent]:
    """The links of a finished job, or of a call that answers at once. Raises BadResponse when there are none."""
    result, revised = job.get("ResultImage"), job.get("RevisedPrompt")
    listed = [result] if isinstance(result, str) else result if isinstance(result, list) else []
    prompts = revised if isinstance(revised, list) else []
    found = [
        (number, url) for number, url in enumerate(listed) if isinstance(url, str) and url.startswith(("http://", "https://"))
    ]
    if not found:
        raise _kept_back(job) or BadResponse("The provider answered without a picture.")
    for number, url in found:
        prompt = prompts[number] if number < len(prompts) and isinstance(prompts[number], str) else None
        yield CompletedImage(ImageLink(url), ImageDetails(revised_prompt=prompt))
    yield Finished(extra={name: job[name] for name in ("Seed", "RequestId") if job.get(name) is not None})


def _kept_back(job: Mapping[str, Any]) -> GatewayError | None:
    """``ResultDetails`` holds ``Success`` or an error code for each picture."""
    details = job.get("ResultDetails")
    codes = [code for code in details if code != "Success"] if isinstance(details, list) else []
    return _judged(codes[0], None, Refusal(200, {}, b"")) if codes else None


def _judged(code: Any, message: Any, refusal: Refusal) -> GatewayError | None:
    text = str(code)
    verdict = _VERDICTS.get(text) or _VERDICTS.get(text.partition(".")[0])
    return verdicts.judged(verdict, {"code": text, "message": message}, refusal) if verdict else None


async def done(looks: AsyncGenerator[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The finished job. A look that was refused for load is no answer."""
    async for document in looks:
        try:
            job = response(document)
        except ModelMissing:
            raise
        except (RateLimited, Unavailable):
            continue
        if finished(job):
            return job
    raise BadResponse("The provider answered without a picture.")
