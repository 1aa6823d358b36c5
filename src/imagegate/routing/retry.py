"""How often and how soon another attempt is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

_BASE = 0.025
_CAP = 0.25
_SHARE = 0.2
_AT_LEAST = 3


class RetryBudget:
    """Retries under way are at most 20 % of the requests in flight, and 3 are always allowed (Envoy's retry budget)."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.retrying = 0

    @contextmanager
    def request(self) -> Iterator[None]:
        """Counts one request for as long as it runs."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def try_retry(self) -> bool:
        """Take a place for one more attempt; pair with ``done``."""
        if self.retrying >= max(_AT_LEAST, int(self.in_flight * _SHARE)):
            return False
        self.retrying += 1
        return True

    def done(self) -> None:
        """Give the place back."""
        self.retrying -= 1


def backoff(attempt: int, random: Random) -> float:
    """Seconds before attempt number ``attempt`` (2 is the first retry): full jitter over 25 ms · 2ⁿ, at most 250 ms."""
    return random.uniform(0, min(_CAP, _BASE * 2 ** (attempt - 1)))
