"""A caller's unknown fields in Google's places, whichever way he spelt them (proto JSON takes camelCase and snake_case)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.domain.capabilities import VendorFields
from imagegate.errors import InvalidRequest

CONFIG = ("generationConfig",)
IMAGE = ("generationConfig", "imageConfig")
THINKING = ("generationConfig", "thinkingConfig")
Path = tuple[str, ...]

_NAMES: Mapping[Path, tuple[str, ...]] = {
    (): (
        "safetySettings",
        "systemInstruction",
        "tools",
        "toolConfig",
        "cachedContent",
        "labels",
        "modelArmorConfig",
        "serviceTier",
        "store",
        "generationConfig",
    ),
    CONFIG: (
        "seed",
        "temperature",
        "topP",
        "topK",
        "maxOutputTokens",
        "mediaResolution",
        "responseModalities",
        "stopSequences",
        "presencePenalty",
        "frequencyPenalty",
        "responseLogprobs",
        "logprobs",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "routingConfig",
        "modelConfig",
        "speechConfig",
        "audioTimestamp",
        "enableEnhancedCivicAnswers",
        "imageConfig",
        "thinkingConfig",
    ),
    IMAGE: ("aspectRatio", "imageSize", "personGeneration", "prominentPeople", "imageOutputOptions"),
    THINKING: ("thinkingLevel", "thinkingBudget", "includeThoughts"),
}
"""google-genai's GenerateContentConfig, ImageConfig and ThinkingConfig, in the places where its models.py puts them."""
_KINDS: Kinds = {
    "seed": int,
    "temperature": float,
    "topp": float,
    "topk": int,
    "maxoutputtokens": int,
    "thinkingbudget": int,
    "includethoughts": bool,
    "presencepenalty": float,
    "frequencypenalty": float,
    "logprobs": int,
    "responselogprobs": bool,
    "store": bool,
    "outputcompressionquality": int,
}


def plain(name: str) -> str:
    """A field's name without its spelling: ``aspect_ratio`` and ``aspectRatio`` are both ``aspectratio``."""
    return name.replace("_", "").lower()


_PLACES: Mapping[str, Path] = {
    **{plain(name): (*path, name) for path, names in _NAMES.items() for name in names},
    "resolution": (*IMAGE, "imageSize"),
    "modelselectionconfig": (*CONFIG, "modelConfig"),
    "outputmimetype": (*IMAGE, "imageOutputOptions", "mimeType"),
    "outputcompressionquality": (*IMAGE, "imageOutputOptions", "compressionQuality"),
}
_OTHER_NAMES = ("resolution", "modelSelectionConfig", "outputMimeType", "outputCompressionQuality")
_COUNT = "candidatecount"


def spellings(names: Iterable[str]) -> frozenset[str]:
    """Names in camelCase, also in snake_case."""
    return frozenset(word for name in names for word in (name, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()))


TAKEN = VendorFields(
    only=spellings([*(name for names in _NAMES.values() for name in names), *_OTHER_NAMES]),
    sizes=spellings(["aspectRatio", "imageSize", "resolution"]),
)
"""What ``placed`` has a place for."""


def placed(extra: Mapping[str, Any], inside: Path = ()) -> dict[str, Any]:
    """A caller's fields as a part of a ``generateContent`` body.

    ``aspect_ratio`` at the top and inside ``image_config`` or ``generation_config`` are the same field. ``inside``: the object
    that ``extra`` is; what is not known in there stays where it is, for Google to judge. At the top it is left out (``TAKEN``).
    Raises InvalidRequest for an object that is none, and for ``candidateCount``: image models answer one candidate.
    """
    body: dict[str, Any] = {}
    for given, value in extra.items():
        name = plain(given)
        place = _PLACES.get(name) or ((*inside, given) if inside else ())
        if inside and name == _COUNT:
            raise InvalidRequest(f"Ask for several pictures with 'n', not with '{given}'.", param=f"{inside[-1]}.{given}"[:100])
        if place in {CONFIG, IMAGE, THINKING}:
            if not isinstance(value, Mapping):
                raise InvalidRequest(f"'{given}' must be an object.", param=given, code="invalid_type")
            body = merged(body, placed(value, place))
        elif place:
            body = merged(body, _nested(place, _spelled(place[-1], typed({name: value}, _KINDS)[name])))
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
