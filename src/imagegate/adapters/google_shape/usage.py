"""Google's ``usageMetadata`` as tokens by modality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagegate.domain.events import Usage

_LARGEST = 2**53


def read_usage(value: Any) -> Usage | None:
    """The counters; None when there are none.

    Thoughts are billed as output and counted so, as text; what the details leave unexplained counts as text, too.
    """
    if not isinstance(value, Mapping):
        return None
    thoughts, tools = _count(value, "thoughtsTokenCount"), _count(value, "toolUsePromptTokenCount")
    inputs, outputs = _count(value, "promptTokenCount") + tools, _count(value, "candidatesTokenCount") + thoughts
    input_images = min(_images(value, "promptTokensDetails"), inputs)
    output_images = min(_images(value, "candidatesTokensDetails"), outputs)
    split = bool(_details(value, "candidatesTokensDetails"))
    told = {"cached_tokens": _count(value, "cachedContentTokenCount"), "thoughts_tokens": thoughts}
    return Usage(
        input_tokens=inputs,
        output_tokens=outputs,
        total_tokens=max(_count(value, "totalTokenCount"), inputs + outputs),
        input_text_tokens=inputs - input_images,
        input_image_tokens=input_images,
        output_text_tokens=outputs - output_images if split else None,
        output_image_tokens=output_images if split else None,
        extra={name: count for name, count in told.items() if count},
    )


def _images(value: Mapping[str, Any], name: str) -> int:
    return sum(_count(item, "tokenCount") for item in _details(value, name) if item.get("modality") == "IMAGE")


def _details(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    details = _either(value, name)
    return [item for item in details if isinstance(item, Mapping)] if isinstance(details, list) else []


def _count(value: Mapping[str, Any], name: str) -> int:
    count = _either(value, name)
    good = isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _LARGEST
    return count if good else 0


def _either(value: Mapping[str, Any], name: str) -> Any:
    """Proto JSON in both spellings."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return value[name] if name in value else value.get(snake)
