"""Spreads a delay over the steps of an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class Pace:
    """``total`` seconds over ``steps`` steps, counted from now; time spent on drawing is part of it."""

    def __init__(
        self, total: float, steps: int, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._total = total
        self._steps = steps
        self._clock = clock
        self._sleep = sleep
        self._start = clock()
        self._done = 0

    async def step(self) -> None:
        """Wait until the next step is due; not at all when it is late."""
        self._done += 1
        await self._until(self._done / self._steps)

    async def finish(self) -> None:
        """Wait until the whole delay is over."""
        await self._until(1.0)

    async def _until(self, share: float) -> None:
        wait = self._start + self._total * share - self._clock()
        if wait > 0:
            await self._sleep(wait)
