"""A provider's list of models, in the shapes that providers answer it in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def unlisted(wanted: Iterable[str], document: Any) -> tuple[str, ...]:
    """Those of the upstream models that the list does not have; none where the document is no list of models.

    Read are OpenAI's ``{"data": [{"id"}]}``, xAI's and Gemini's ``{"models": [{"id" or "name"}]}`` and Together's bare list.
    A listed ``models/x`` is ``x`` (Gemini); an alias counts as a name (xAI).
    """
    names = {name for row in _rows(document) for name in _names(row)}
    return tuple(model for model in wanted if model not in names) if names else ()


def _rows(document: Any) -> list[Any]:
    rows = (document.get("data") or document.get("models")) if isinstance(document, dict) else document
    return rows if isinstance(rows, list) else []


def _names(row: Any) -> list[str]:
    if not isinstance(row, dict):
        return []
    aliases = row.get("aliases")
    given = [row.get("id"), row.get("name"), *(aliases if isinstance(aliases, list) else [])]
    return [name.removeprefix("models/") for name in given if isinstance(name, str)]
