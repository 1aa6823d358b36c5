"""A converter that only says what it does, and spools that are counted."""

from __future__ import annotations

from imagegate.domain.images import Content
from imagegate.domain.output import Output
from imagegate.media.spool import Spool, SpoolBudget, Spools


class Scribe:
    """Says what it would convert. ``failure`` is raised instead."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.jobs: list[Output] = []
        self._failure = failure

    async def convert(self, picture: Content, output: Output, into: Spool) -> None:
        self.jobs.append(output)
        if self._failure is not None:
            raise self._failure
        await into.write(output.format.encode() + b" of " + await picture.read())


class Counted:
    """Spools of one budget. ``budget.reserved``: bytes that lie somewhere now."""

    def __init__(self, limit: int = 10**9) -> None:
        self.budget = SpoolBudget(limit)

    def __call__(self) -> Spools:
        return Spools(self.budget)
