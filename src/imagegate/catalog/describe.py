"""Capabilities as JSON, for people and programs that list models."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from imagegate.domain.capabilities import Capabilities, Decider, Price, SizeRule
from imagegate.domain.output import converted


def describe(capabilities: Capabilities) -> dict[str, Any]:
    """What a model can do, as plain JSON values.

    An empty list of ``qualities``, ``backgrounds`` or ``formats`` means that the provider decides; ``price`` null means unknown.
    ``edit_sizes`` and ``mask_sizes`` are there where they differ. ``converted_formats``: what the gateway makes of its pictures
    beside ``formats``.
    """
    return {
        "operations": sorted(capabilities.operations),
        "sizes": _sizes(capabilities.sizes),
        **{name: _sizes(rule) for name in ("edit_sizes", "mask_sizes") if (rule := getattr(capabilities, name)) is not None},
        "max_n": capabilities.max_n,
        "max_prompt": capabilities.max_prompt,
        "qualities": list(capabilities.qualities),
        "backgrounds": list(capabilities.backgrounds),
        "formats": list(capabilities.formats),
        "converted_formats": list(converted(capabilities.formats)),
        "partial_images": capabilities.partial_images,
        "references": capabilities.max_references,
        "mask": capabilities.mask,
        "markup": capabilities.markup,
        "retires": capabilities.retires,
        "price": _price(capabilities.price) if capabilities.price else None,
    }


def _sizes(rule: SizeRule) -> dict[str, Any]:
    common = {"decided_by": str(rule.decided_by), "auto": rule.auto, "policy": str(rule.policy)}
    if rule.decided_by is not Decider.CALLER:
        return common
    if rule.fixed:
        return {"fixed": [f"{width}x{height}" for width, height in rule.fixed], **common}
    names = ("min_edge", "max_edge", "min_pixels", "max_pixels", "multiple", "max_ratio")
    return {**{name: getattr(rule, name) for name in names}, **common}


def _price(price: Price) -> dict[str, Any]:
    """Only what is known; token prices are USD per million."""
    values = {item.name: getattr(price, item.name) for item in fields(price)}
    known = {name: value for name, value in values.items() if value is not None and value != {}}
    return {"currency": "USD", **known}
