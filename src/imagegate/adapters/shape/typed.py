"""Unknown fields from a multipart edit are texts; a provider that wants JSON wants numbers and booleans.

An adapter lists the kinds of the vendor fields that it knows: only those are read, so that a ``negative_prompt`` of ``42``
stays a text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

Kind = type[bool] | type[int] | type[float]
Kinds = Mapping[str, "Kind | Mapping[str, Kind]"]
"""Name to ``bool``, ``int``, ``float``, or to the kinds of an object's fields."""

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


def typed(extra: Mapping[str, Any], kinds: Kinds) -> dict[str, Any]:
    """The same fields, texts of a known kind read as what they say. A text that says no such thing stays for the provider."""
    return {name: _read(value, kinds.get(name)) for name, value in extra.items()}


def _read(value: Any, kind: Kind | Mapping[str, Kind] | None) -> Any:
    if isinstance(kind, Mapping):
        return typed(value, kind) if isinstance(value, Mapping) else value
    if kind is None or not isinstance(value, str):
        return value
    text = value.strip()
    if kind is bool:
        return _BOOLEANS.get(text.lower(), value)
    if kind is int or _INTEGER.fullmatch(text):
        return int(text) if _INTEGER.fullmatch(text) else value
    return _number(text, value)


def _number(text: str, otherwise: str) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return otherwise
    return number if math.isfinite(number) else otherwise
