"""One picture of a small JSON answer that is held already: a url, or base64 under one of several names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imagegate.adapters.shape.answers import read_details
from imagegate.domain.events import CompletedImage, ImageLink, held

_BASE64 = ("b64_json", "b64_image")
_NOT_DETAILS = frozenset({*_BASE64, "url"})


def pictures_of(items: Any) -> Iterator[CompletedImage]:
    """The pictures of a list of objects or of urls; whatever is no picture is left out."""
    for item in items if isinstance(items, list) else []:
        if (picture := _picture({"url": item} if isinstance(item, str) else item)) is not None:
            yield picture


def _picture(item: Any) -> CompletedImage | None:
    if not isinstance(item, Mapping):
        return None
    details = read_details({name: value for name, value in item.items() if name not in _NOT_DETAILS})
    for name in _BASE64:
        base64 = item.get(name)
        if isinstance(base64, str) and base64:
            return CompletedImage(held(base64.encode()), details)
    url = item.get("url")
    return CompletedImage(ImageLink(url), details) if isinstance(url, str) and url else None
