"""fal's result documents and its errors.

Source: fal-client 1.0.3, fal.ai/docs (model APIs: errors, request errors).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imagegate.adapters.shape.verdicts import Verdict, by_status, judged
from imagegate.domain.events import CompletedImage, Finished, ImageDetails, ImageEvent, ImageLink
from imagegate.errors import BadResponse, ContentRefused, GatewayError
from imagegate.upstream.client import Refusal

_VERDICTS: Mapping[str, Verdict] = {
    "content_policy_violation": Verdict.CONTENT,
    "bad_request": Verdict.CALLER,
    "runner_scheduling_failure": Verdict.BUSY,
    "downstream_service_error": Verdict.SERVER,
    "downstream_service_unavailable": Verdict.SERVER,
    "internal_server_error": Verdict.SERVER,
    "internal_error": Verdict.SERVER,
    "runner_server_error": Verdict.SERVER,
    "runner_disconnected": Verdict.SERVER,
    "runner_incomplete_response": Verdict.SERVER,
    "runner_connection_error": Verdict.SERVER,
    "runner_connection_refused": Verdict.SERVER,
    "runner_connection_timeout": Verdict.SERVER,
    "client_cancelled": Verdict.SERVER,
    "client_disconnected": Verdict.SERVER,
    "generation_timeout": Verdict.TIMEOUT,
    "request_timeout": Verdict.TIMEOUT,
    "startup_timeout": Verdict.TIMEOUT,
}
_NO_MEDIA = frozenset({"no_media_generated", "no_image_generated"})
_NO_PICTURE = "The provider answered without a picture."
_KEPT = ("seed", "timings", "description", "usage")


def pictures(document: Any) -> Iterator[ImageEvent]:
    """The pictures of a result and what was said beside them. A picture that the safety checker blackened is told as failed.

    Raises ContentRefused when all were blackened, BadResponse when there are none.
    """
    if not isinstance(document, Mapping):
        raise BadResponse("The provider answered with something that is not the JSON it should be.")
    found = [item for item in _items(document) if isinstance(item.get("url"), str) and item["url"]]
    flags = document.get("has_nsfw_concepts")
    blackened = [flag is True for flag in flags] if isinstance(flags, list) else []
    blackened += [False] * (len(found) - len(blackened))
    kept = [item for item, black in zip(found, blackened, strict=False) if not black]
    if not kept:
        raise _refused() if found else BadResponse(_NO_PICTURE)
    for item in kept:
        yield CompletedImage(ImageLink(item["url"]), _details(item))
    extra = {name: document[name] for name in _KEPT if document.get(name) not in (None, {}, "")}
    if lost := len(found) - len(kept):
        extra["failed"] = [{"code": _refused().code, "message": _refused().message}] * lost
    yield Finished(extra=extra)


def failure(refusal: Refusal) -> GatewayError:
    """``{"detail": [{"loc", "msg", "type"}]}`` of a model, or ``{"detail": text, "error_type"}`` of the platform; by type."""
    document = refusal.json if isinstance(refusal.json, Mapping) else {}
    detail = document.get("detail")
    listed = [item for item in detail if isinstance(item, Mapping)] if isinstance(detail, list) else []
    first = listed[0] if listed else {}
    kind = str(first.get("type") or document.get("error_type") or refusal.headers.get("x-fal-error-type") or "")
    message = first.get("msg") if listed else detail
    error = {"message": message, "code": kind or None, "param": _param(first.get("loc"))}
    if kind in _NO_MEDIA:
        return BadResponse(_NO_PICTURE)
    verdict = _VERDICTS.get(kind)
    return judged(verdict, error, refusal) if verdict else by_status(error, refusal)


def _items(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """``images``, or ``image`` where a model makes just one."""
    images = document.get("images")
    several = images if isinstance(images, list) else [document.get("image")]
    return [item if isinstance(item, Mapping) else {"url": item} for item in several]


def _details(item: Mapping[str, Any]) -> ImageDetails:
    width, height, kind = item.get("width"), item.get("height"), item.get("content_type")
    sized = all(isinstance(edge, int) and not isinstance(edge, bool) and edge > 0 for edge in (width, height))
    form = kind.partition("/")[2] if isinstance(kind, str) and kind.startswith("image/") else ""
    return ImageDetails(size=f"{width}x{height}" if sized else None, output_format=form or None)


def _param(location: Any) -> str | None:
    """The field that ``loc`` leads to, without ``body`` before it."""
    parts = [str(part) for part in location] if isinstance(location, list) else []
    return ".".join(parts[1:] if parts[:1] == ["body"] else parts) or None


def _refused() -> ContentRefused:
    return ContentRefused("The provider's safety system refused the picture.", code="content_policy_violation")
