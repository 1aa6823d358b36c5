"""Bedrock's answers: base64 in a list, and what was filtered out of it; errors by their type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imagegate.adapters.shape.verdicts import Verdict, by_status, judged
from imagegate.domain.events import CompletedImage, Finished, ImageDetails, ImageEvent, held
from imagegate.errors import Ambiguous, BadResponse, ContentRefused, GatewayError
from imagegate.upstream.client import Refusal

_VERDICTS: Mapping[str, Verdict] = {
    "ValidationException": Verdict.CALLER,
    "AccessDeniedException": Verdict.KEY,
    "UnrecognizedClientException": Verdict.KEY,
    "InvalidSignatureException": Verdict.KEY,
    "IncompleteSignatureException": Verdict.KEY,
    "MissingAuthenticationTokenException": Verdict.KEY,
    "ExpiredTokenException": Verdict.KEY,
    "InvalidClientTokenId": Verdict.KEY,
    "ResourceNotFoundException": Verdict.MODEL,
    "UnknownOperationException": Verdict.MODEL,
    "ThrottlingException": Verdict.RATE,
    "TooManyRequestsException": Verdict.RATE,
    "ServiceQuotaExceededException": Verdict.RATE,
    "ModelNotReadyException": Verdict.BUSY,
    "ServiceUnavailableException": Verdict.BUSY,
    "ModelTimeoutException": Verdict.TIMEOUT,
    "ModelErrorException": Verdict.SERVER,
    "InternalServerException": Verdict.SERVER,
    "InternalFailure": Verdict.SERVER,
}
_FILTERED = ("content filters", "Responsible AI Policy")


def pictures(document: Any) -> Iterator[ImageEvent]:
    """The pictures of an answer. Raises ContentRefused when all were filtered out, BadResponse when there are none."""
    if not isinstance(document, Mapping):
        raise BadResponse("The provider answered with something that is not the JSON it should be.")
    reasons, seeds = _listed(document, "finish_reasons"), _listed(document, "seeds")
    failed = [_reason(reason) for reason in reasons if reason]
    if document.get("error"):
        failed.append(_refused())
    kept = [(index, image) for index, image in enumerate(_listed(document, "images")) if image and not _at(reasons, index)]
    if not kept:
        raise failed[0] if failed else BadResponse("The provider answered without a picture.")
    for index, image in kept:
        seed = _at(seeds, index)
        extra = {"seed": seed} if isinstance(seed, int) else {}
        yield CompletedImage(held(str(image).encode()), ImageDetails(extra=extra))
    if failed:
        yield Finished(extra={"failed": [{"code": error.code, "message": error.message} for error in failed]})


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else None


def failure(refusal: Refusal) -> GatewayError:
    """By ``x-amzn-errortype``. Its content filters answer with an ordinary ValidationException, so there the text decides."""
    document = refusal.json if isinstance(refusal.json, Mapping) else {}
    named = refusal.headers.get("x-amzn-errortype") or document.get("__type") or document.get("code") or ""
    name = str(named).partition(":")[0].rpartition("#")[2]
    message = document.get("message") or document.get("Message")
    if name == "ValidationException" and isinstance(message, str) and any(words in message for words in _FILTERED):
        return judged(Verdict.CONTENT, {}, refusal)
    verdict = _VERDICTS.get(name)
    error = {"message": message, "code": name or None}
    return judged(verdict, error, refusal) if verdict else by_status(error, refusal)


def _reason(reason: Any) -> GatewayError:
    """Stability's ``finish_reasons``: null, ``Filter reason: prompt`` (or an image), ``Inference error``."""
    if str(reason).startswith("Filter reason"):
        return _refused()
    return Ambiguous("The provider failed while working on the request.")


def _refused() -> ContentRefused:
    return ContentRefused("The provider's safety system refused this request.", code="content_policy_violation")


def _listed(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    return value if isinstance(value, list) else []
