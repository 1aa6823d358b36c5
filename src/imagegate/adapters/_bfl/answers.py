"""A job of BFL as its documents tell it, and the refusals.

Source: docs.bfl.ai (api_integration, errors), litellm ``llms/black_forest_labs``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any

from imagegate.domain.events import CompletedImage, Finished, ImageDetails, ImageEvent, ImageLink, Progress
from imagegate.domain.images import ImageRequest
from imagegate.errors import Ambiguous, BadResponse, ContentRefused

_MODERATED = frozenset({"request moderated", "content moderated"})
_FAILED = frozenset({"error", "failed"})
_LOST = "task not found"
_LOOKS_LOST = 3
"""Looks in a row that may not find the job: clusters learn of it one after the other."""


async def events(
    documents: AsyncGenerator[Mapping[str, Any]], request: ImageRequest, job: Mapping[str, Any]
) -> AsyncGenerator[ImageEvent]:
    """A note for each change, then the picture. Raises ContentRefused, Ambiguous or BadResponse."""
    lost, last = 0, ""
    async for document in documents:
        status = str(document.get("status") or document.get("state") or "").strip().lower()
        if status == "ready":
            yield _completed(document, request.prompt)
            yield Finished(extra=_numbers({**job, **document}, ("cost", "input_mp", "output_mp")))
            return
        if status in _MODERATED:
            raise ContentRefused("The provider's safety system refused this request.")
        if status in _FAILED:
            raise Ambiguous("The provider failed while working on the request.")
        lost = lost + 1 if status == _LOST else 0
        if lost == _LOOKS_LOST:
            raise Ambiguous("The provider no longer knows the job that it took.")
        note = _note(document)
        if note != last:
            last = note
            yield Progress(note)


def _completed(document: Mapping[str, Any], prompt: str) -> CompletedImage:
    """The picture of a job that is ready. Raises BadResponse when there is none."""
    result = document.get("result")
    told = result if isinstance(result, Mapping) else {}
    sample, written = told.get("sample"), told.get("prompt")
    if not isinstance(sample, str) or not sample:
        raise BadResponse("The provider answered without a picture.")
    revised = written if isinstance(written, str) and written != prompt else None
    return CompletedImage(ImageLink(sample), ImageDetails(revised_prompt=revised, extra=_numbers(told, ("seed",))))


def read_detail(document: Any) -> dict[str, Any]:
    """Message and field of ``detail``, which is a text or a list of ``{loc, msg, type}``."""
    detail = document.get("detail") if isinstance(document, Mapping) else None
    if not isinstance(detail, list):
        return {"message": detail}
    first = next((item for item in detail if isinstance(item, Mapping)), {})
    places = first.get("loc")
    param = places[-1] if isinstance(places, list) and len(places) > 1 else None
    message = first.get("msg")
    return {"message": f"{param}: {message}" if param and message else message, "code": first.get("type"), "param": param}


def _note(document: Mapping[str, Any]) -> str:
    share = document.get("progress")
    return f"working, {share:.0%}" if isinstance(share, float) and 0 < share <= 1 else "working"


def _numbers(told: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: told[name] for name in names if isinstance(told.get(name), (int, float))}
