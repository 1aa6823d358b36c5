"""What a provider's error code means, and the error that comes of it. An adapter keeps the table from code to verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from imagegate.adapters.shape import failures
from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    ContentRefused,
    GatewayError,
    InvalidRequest,
    ModelMissing,
    RateLimited,
    TooLarge,
    Unavailable,
)
from imagegate.upstream.client import Refusal

_WORD = re.compile(r"[A-Za-z0-9_.\[\]-]{1,100}")
_ENDS = (".", "!", "?", "…", "。", "！", "？")


class Verdict(Enum):
    """Kinds of refusal that lead to different errors."""

    CONTENT = auto()
    """The safety system refused prompt or picture."""
    CALLER = auto()
    """The caller's own mistake; the provider's words reach him."""
    TOO_LARGE = auto()
    KEY = auto()
    """Unknown or expired credential, or one without access."""
    ACCOUNT = auto()
    """No money, no plan, quota used up, account locked."""
    MODEL = auto()
    """No such model or endpoint: the operator's mistake."""
    RATE = auto()
    BUSY = auto()
    """Refused for load before any work."""
    SERVER = auto()
    TIMEOUT = auto()


def judged(verdict: Verdict, error: Mapping[str, Any], refusal: Refusal) -> GatewayError:
    """The error of a verdict. ``error``: ``message``, ``code`` and ``param``, used for the caller's own mistakes only."""
    wait = failures.retry_after(refusal.headers)
    match verdict:
        case Verdict.CONTENT:
            return ContentRefused("The provider's safety system refused this request.", code="content_policy_violation")
        case Verdict.CALLER:
            return _callers(error)
        case Verdict.TOO_LARGE:
            return TooLarge("The provider refused the request as too large; send fewer or smaller pictures.")
        case Verdict.KEY:
            return AuthFailed("The provider refused the gateway's credentials; the operator has to look at the channel.")
        case Verdict.ACCOUNT:
            return AuthFailed("The provider account behind this model cannot be used now; the operator has to look at it.")
        case Verdict.MODEL:
            return ModelMissing("The provider does not have this model or endpoint; the operator has to look at the channel.")
        case Verdict.RATE:
            return RateLimited("The provider is limiting requests; try again shortly.", retry_after=wait)
        case Verdict.BUSY:
            return Unavailable("The provider is overloaded; try again shortly.", retry_after=wait)
        case Verdict.SERVER:
            return Ambiguous("The provider failed while working on the request.")
        case Verdict.TIMEOUT:
            return Ambiguous("The provider gave up waiting; it may still have done the work.", timed_out=True)


def by_status(error: Mapping[str, Any], refusal: Refusal) -> GatewayError:
    """What the HTTP status alone says, for codes that no table has."""
    return _callers(error) if refusal.status in {400, 409, 422} else failures.by_status(error, refusal)


def _callers(error: Mapping[str, Any]) -> InvalidRequest:
    text = failures.safe_text(error.get("message"), "The provider refused the request; check its parameters.")
    whole = text if text.endswith(_ENDS) else f"{text}."
    return InvalidRequest(whole, code=_word(error.get("code")), param=_word(error.get("param")))


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None
