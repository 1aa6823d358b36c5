"""Filling the slots of a workflow: ``{{prompt}}``, ``{{width}}``, ``{{steps}}``… in any text of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from imagegate.domain.capabilities import SizeRule
from imagegate.domain.fitting import fit_size
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, parse_size
from imagegate.errors import InvalidRequest

_SLOT = re.compile(r"\{\{\s*([A-Za-z][A-Za-z0-9_]{0,63})\s*\}\}")
_PICTURE = re.compile(r"image_\d+")


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with values in place of slots: a text that is one slot takes the value's type, else the value's text.

    Values are never searched for slots. Raises InvalidRequest for a slot without a value.
    """
    if isinstance(template, Mapping):
        return {name: filled(item, values) for name, item in template.items()}
    if isinstance(template, list):
        return [filled(item, values) for item in template]
    if not isinstance(template, str):
        return template
    if whole := _SLOT.fullmatch(template):
        return _value(whole[1], values)
    return _SLOT.sub(lambda slot: str(_value(slot[1], values)), template)


def slots(template: Any) -> frozenset[str]:
    """Names of all slots."""
    if isinstance(template, Mapping):
        return frozenset().union(*map(slots, template.values()))
    if isinstance(template, list):
        return frozenset().union(*map(slots, template))
    return frozenset(_SLOT.findall(template)) if isinstance(template, str) else frozenset()


def size_of(request: ImageRequest, default: str, rule: SizeRule) -> tuple[int, int]:
    """Width and height in pixels: as asked for, else those of the first picture within the rule, else the default."""
    size = parse_size(request.size or "auto")
    if not isinstance(size, PixelSize) and request.images:
        width, height = request.images[0].width, request.images[0].height
        if width is not None and height is not None:
            size = parse_size(fit_size(PixelSize(width, height), rule))
    if isinstance(size, PixelSize):
        return size.width, size.height
    width, height = (int(edge) for edge in default.split("x"))
    return width, height


def _value(name: str, values: Mapping[str, Any]) -> Any:
    if name in values:
        return values[name]
    if _PICTURE.fullmatch(name):
        raise InvalidRequest("This model's workflow wants more reference pictures than were sent.", param="image")
    raise InvalidRequest(f"This model's workflow wants '{name}'; send it along.", param=name)
