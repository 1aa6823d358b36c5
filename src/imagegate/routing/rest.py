"""Channel keys that rest: after the provider limited them, or refused the credential.

The small forerunner of the circuit breaker: it only ever acts on what a provider said in so many words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imagegate.domain.channels import Candidate
from imagegate.errors import AuthFailed, GatewayError, RateLimited

AUTH_REST = 60.0
"""Seconds that a refused key rests; it is still used when nothing else is left."""
_MOST_RESTING = 10_000


@dataclass(frozen=True, slots=True)
class _Rest:
    until: float
    limited: bool


class RestingKeys:
    """Remembers until when each channel key rests. ``clock`` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._resting: dict[tuple[str, str], _Rest] = {}

    def note(self, candidate: Candidate, error: GatewayError) -> None:
        """Let the key rest if the error says so: RateLimited with a time, or AuthFailed."""
        if isinstance(error, RateLimited) and error.retry_after:
            rest = _Rest(self._clock() + error.retry_after, limited=True)
        elif isinstance(error, AuthFailed):
            rest = _Rest(self._clock() + AUTH_REST, limited=False)
        else:
            return
        if len(self._resting) >= _MOST_RESTING:
            self._resting.clear()
        self._resting[_key(candidate)] = rest

    def order(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Who may be called now: the rested ones, or, if there are none, those whose credential was refused.

        Raises RateLimited with the shortest wait when every key is under a provider's limit.
        """
        now = self._clock()
        rests = [self._rest(candidate, now) for candidate in candidates]
        ready = [candidate for candidate, rest in zip(candidates, rests, strict=True) if rest is None]
        if ready:
            return ready
        refused = [c for c, rest in zip(candidates, rests, strict=True) if rest is not None and not rest.limited]
        if refused:
            return refused
        wait = min(rest.until for rest in rests if rest is not None) - now
        raise RateLimited("Every channel of this model is under its provider's limit; try again later.", retry_after=wait)

    def _rest(self, candidate: Candidate, now: float) -> _Rest | None:
        rest = self._resting.get(_key(candidate))
        if rest is not None and rest.until <= now:
            del self._resting[_key(candidate)]
            return None
        return rest


def _key(candidate: Candidate) -> tuple[str, str]:
    return candidate.channel.name, candidate.key.reveal() if candidate.key else ""
