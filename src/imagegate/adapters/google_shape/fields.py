"""A caller's unknown fields in Google's places, whichever way he spelt them (proto JSON takes camelCase and snake_case)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagegate.adapters.shape.typed import Kinds, typed

CONFIG = ("generationConfig",)
IMAGE = ("generationConfig", "imageConfig")
THINKING = ("generationConfig", "thinkingConfig")
Path = tuple[str, ...]

_NAMES: Mapping[Path, tuple[str, ...]] = {
    (): ("safetySettings", "systemInstruction", "tools", "toolConfig", "cachedContent", "labels", "generationConfig"),
    CONFIG: (
        "seed",
        "temperature",
        "topP",
        "topK",
        "maxOutputTokens",
        "mediaResolution",
        "responseModalities",
        "imageConfig",
        "thinkingConfig",
    ),
    IMAGE: ("aspectRatio", "imageSize", "personGeneration", "prominentPeople", "imageOutputOptions"),
    THINKING: ("thinkingLevel", "thinkingBudget", "includeThoughts"),
}
_KINDS: Kinds = {
    "seed": int,
    "temperature": float,
    "topp": float,
    "topk": int,
    "maxoutputtokens": int,
    "thinkingbudget": int,
    "includethoughts": bool,
}


def plain(name: str) -> str:
    """A field's name without its spelling: ``aspect_ratio`` and ``aspectRatio`` are both ``aspectratio``."""
    return name.replace("_", "").lower()


_PLACES: Mapping[str, Path] = {
    **{plain(name): (*path, name) for path, names in _NAMES.items() for name in names},
    "resolution": (*IMAGE, "imageSize"),
}


def placed(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that Google documents, as a part of a ``generateContent`` body; all others are left out.

    ``aspect_ratio`` at the top and inside ``image_config`` or ``generation_config`` are the same field. ``candidateCount``
    is none of them: image models answer one candidate, several pictures are several calls.
    """
    body: dict[str, Any] = {}
    for name, value in typed({plain(name): value for name, value in extra.items()}, _KINDS).items():
        place = _PLACES.get(name)
        if place is None:
            continue
        if place in {CONFIG, IMAGE, THINKING}:
            if isinstance(value, Mapping):
                body = merged(body, placed(value))
        else:
            body = merged(body, _nested(place, _spelled(place[-1], value)))
    return body


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both objects as one, objects inside too; where they differ ``over`` wins."""
    result = dict(under)
    for name, value in over.items():
        below = result.get(name)
        result[name] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def _nested(path: Path, value: Any) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    return dict(value)


def _spelled(name: str, value: Any) -> Any:
    """``2k`` is refused, ``2K`` is not; a system instruction is a content, people write text."""
    if name == "imageSize" and isinstance(value, str):
        return value.upper()
    if name == "systemInstruction" and isinstance(value, str):
        return {"parts": [{"text": value}]}
    return value
