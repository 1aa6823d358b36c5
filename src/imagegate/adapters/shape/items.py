"""A small JSON answer that is held already: its pictures (urls, or base64 under several names), and what it says beside."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from imagegate.adapters.shape.answers import read_details
from imagegate.domain.events import CompletedImage, Finished, ImageLink, held

_BASE64 = ("b64_json", "b64_image")
_NOT_DETAILS = frozenset({*_BASE64, "url"})


def pictures_of(items: Any) -> Iterator[CompletedImage]:
    """The pictures of a list of objects or of urls; whatever is no picture is left out."""
    for item in items if isinstance(items, list) else []:
        if (picture := _picture({"url": item} if isinstance(item, str) else item)) is not None:
            yield picture


def finished_of(document: Mapping[str, Any], *, without: Collection[str] = ()) -> Finished:
    """What an answer says beside its pictures. ``without``: fields that say nothing about them."""
    whole = read_details({name: value for name, value in document.items() if name not in without})
    extra, whole.extra = whole.extra, {}
    return Finished(whole.usage, whole.created, whole, extra)


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
