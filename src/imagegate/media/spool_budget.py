"""Room for uploads, in bytes: one budget for the process, a share of it for each request."""

from __future__ import annotations

from imagegate.errors import LimitExceeded, TooLarge

RETRY_AFTER = 5.0
"""Seconds after which a client may try again: uploads last seconds, not minutes."""


class SpoolBudget:
    """What all spooled bytes of the process together may take, on disk or in memory."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._reserved = 0

    @property
    def limit(self) -> int:
        """The whole budget in bytes."""
        return self._limit

    @property
    def reserved(self) -> int:
        """Bytes that are promised to requests now."""
        return self._reserved

    def reserve(self, size: int) -> None:
        """Promise ``size`` bytes. Raises LimitExceeded when others hold them, TooLarge when they can never fit."""
        if size > self._limit:
            raise TooLarge("The upload is larger than all the room this server has; send less.", code="upload_capacity")
        if self._reserved + size > self._limit:
            raise upload_capacity()
        self._reserved += size

    def release(self, size: int) -> None:
        """Give back ``size`` bytes that were reserved."""
        self._reserved -= size


class Allowance:
    """One request's share: reserved ahead, or taken as bytes come."""

    def __init__(self, budget: SpoolBudget) -> None:
        self._budget = budget
        self._held = 0
        self._used = 0

    @property
    def limit(self) -> int:
        """The whole budget in bytes."""
        return self._budget.limit

    def reserve(self, size: int) -> None:
        """Hold ``size`` bytes before they come. Raises as ``SpoolBudget.reserve``."""
        self._budget.reserve(size)
        self._held += size

    def take(self, size: int) -> None:
        """Use ``size`` bytes, first those that are held. Raises as ``SpoolBudget.reserve``."""
        missing = self._used + size - self._held
        if missing > 0:
            self.reserve(missing)
        self._used += size

    def give_back(self, size: int) -> None:
        """``size`` bytes are free again for this request."""
        self._used -= size

    def trim(self) -> None:
        """Hold no more than is used."""
        self._budget.release(self._held - self._used)
        self._held = self._used


def upload_capacity() -> LimitExceeded:
    """No room for another upload now."""
    message = "The server has no room for another upload at the moment; try again in a few seconds."
    return LimitExceeded(message, code="upload_capacity", retry_after=RETRY_AFTER)
