"""How much the fields of one request may hold: they are checked, merged and written on the event loop.

A JSON body may have 64 MiB, which is enough for millions of small values and for minutes of everybody's time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from imagegate.api.openai.form_fields import printable
from imagegate.errors import InvalidRequest

MOST_FIELDS = 1000
"""Names on the first level."""

DEEPEST = 64
"""Levels of one field: far above what providers have, and what every JSON writer and form can still express."""

MOST_VALUES = 100_000
"""Items and members of all fields together."""


def check_count(fields: Mapping[str, Any]) -> None:
    """Raises InvalidRequest (``too_many_fields``) above ``MOST_FIELDS``."""
    if len(fields) > MOST_FIELDS:
        message = f"The body has {len(fields)} fields; at most {MOST_FIELDS} are taken."
        raise InvalidRequest(message, code="too_many_fields")


def check_extent(fields: Iterable[tuple[str, Any]]) -> None:
    """Raises InvalidRequest naming the first field that is too deep, or with which the values become too many."""
    left = MOST_VALUES
    for name, value in fields:
        level = [value]
        for _ in range(DEEPEST):
            level = list(islice((child for parent in level for child in _children(parent)), left + 1))
            left -= len(level)
            if left < 0:
                raise _too_much(name, f"holds more than {MOST_VALUES} values")
            if not level:
                break
        else:
            raise _too_much(name, f"is nested deeper than {DEEPEST} levels")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _too_much(name: str, what: str) -> InvalidRequest:
    shown = printable(name)
    return InvalidRequest(f"`{shown}` {what}.", param=shown, code="invalid_value")
