"""OpenRouter's refusals: by the metadata of a moderation, the code of the provider behind, the number.

Source: openrouter.ai/docs (errors).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from imagegate.adapters.shape import failures, verdicts
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.errors import GatewayError
from imagegate.upstream.client import Refusal

_FLAGGED = frozenset({"reasons", "flagged_input"})
_CONTENT = ("content_policy_violation", "moderation_blocked", "content_filter")


def judged(error: Mapping[str, Any], refusal: Refusal) -> GatewayError:
    """By the metadata of a moderation, by the code of the provider behind, by the number."""
    number, metadata = error.get("code"), error.get("metadata")
    told = metadata if isinstance(metadata, Mapping) else {}
    if _FLAGGED & told.keys() or number in _CONTENT or _code_behind(told) in _CONTENT:
        return verdicts.judged(Verdict.CONTENT, error, refusal)
    status = number if isinstance(number, int) and 400 <= number < 600 else refusal.status
    plain = replace(refusal, status=status)
    return verdicts.judged(Verdict.ACCOUNT, error, plain) if plain.status == 402 else verdicts.by_status(error, plain)


def error_inside(document: Mapping[str, Any]) -> GatewayError:
    """An error in an answer of 200, or in a stream."""
    error = failures.error_object(document)
    if isinstance(error.get("code"), str) and error["code"] not in _CONTENT:
        return failures.openai_error_inside(document)
    return judged(error, Refusal(500, {}, b""))


def _code_behind(metadata: Mapping[str, Any]) -> Any:
    """The code in ``raw``, the words of the provider behind OpenRouter, when they are JSON of OpenAI's shape."""
    raw = metadata.get("raw")
    try:
        return failures.error_object(orjson.loads(raw)).get("code") if isinstance(raw, str) else None
    except orjson.JSONDecodeError:
        return None
