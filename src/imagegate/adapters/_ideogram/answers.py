"""Ideogram's answers: pictures that were found safe, and what is said of each.

Source: developer.ideogram.ai (v1 reference).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from imagegate.domain.events import CompletedImage, Finished, ImageDetails, ImageEvent, ImageLink, Progress
from imagegate.domain.images import ImageRequest
from imagegate.errors import BadResponse, ContentRefused


def events(document: Any, request: ImageRequest) -> Iterator[ImageEvent]:
    """The pictures that were found safe. Raises ContentRefused when none was, BadResponse when there are none at all."""
    items = document.get("data") if isinstance(document, Mapping) else None
    known = [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    safe = [item for item in known if item.get("url") and item.get("is_image_safe") is not False]
    if not safe:
        if any(item.get("is_image_safe") is False for item in known):
            raise ContentRefused("The provider's safety system withheld the picture.", code="content_policy_violation")
        raise BadResponse("The provider answered without a picture.")
    for item in safe:
        yield CompletedImage(ImageLink(str(item["url"])), _details(item, request.prompt))
    if len(safe) < len(known):
        yield Progress(f"{len(known) - len(safe)} of {len(known)} pictures were withheld by the provider's safety system")
    yield Finished(created=_seconds(document.get("created")))


def _details(item: Mapping[str, Any], prompt: str) -> ImageDetails:
    """What is said about one picture; its prompt only where Ideogram wrote another."""
    size, written = item.get("resolution"), item.get("prompt")
    extra = {name: item[name] for name in ("seed", "style_type") if item.get(name) is not None}
    revised = written if isinstance(written, str) and written != prompt else None
    return ImageDetails(size=size if isinstance(size, str) else None, revised_prompt=revised, extra=extra)


def _seconds(created: Any) -> int | None:
    """ISO 8601 as seconds since 1970."""
    try:
        return int(datetime.fromisoformat(created).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None
