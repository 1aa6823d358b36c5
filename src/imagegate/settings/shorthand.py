"""Makes the short forms of the file long: ``models: [a, b]``, and sections that were left empty."""

from __future__ import annotations

from typing import Any

from imagegate.settings.document import Document
from imagegate.settings.fields import child, is_container, optional, section
from imagegate.settings.model import Settings
from imagegate.settings.problems import Finding, KeyPath


def expand(document: Document) -> None:
    """Drops empty sections (``channels:`` with all its items commented out) and turns lists of model names into mappings."""
    document.data = _without_empty(document.data, Settings)
    channels = document.data.get("channels")
    for index, channel in enumerate(channels if isinstance(channels, list) else []):
        if isinstance(channel, dict) and isinstance(channel.get("models"), list):
            channel["models"] = _models(document, ("channels", index, "models"), channel["models"])


def _without_empty(value: Any, kind: Any) -> Any:
    if isinstance(value, list):
        return [_without_empty(item, child(kind, index)) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kinds = {key: child(kind, key) for key in value}
    kept = {key: item for key, item in value.items() if item is not None or not section(kind) or not _may_drop(kinds[key])}
    return {key: _without_empty(item, kinds[key]) for key, item in kept.items()}


def _may_drop(kind: Any) -> bool:
    return is_container(kind) and not optional(kind)


def _models(document: Document, path: KeyPath, names: list[Any]) -> dict[str, Any]:
    models: dict[str, Any] = {}
    for index, name in enumerate(names):
        if not isinstance(name, str):
            message = "must be a model name; write models as a mapping to give a model settings"
            document.report([Finding((*path, index), message)])
        elif name in models:
            document.report([Finding((*path, index), f'model "{name}" is in this list twice')])
        else:
            models[name] = {}
            document.rename((*path, index), (*path, name))
    return models
