"""Notices that a client has left, and decides what becomes of the work.

Before anything was sent to a provider the request is cancelled. After that the paid result is read to its end (sends to a
closed connection are no-ops), for a bounded time and for a bounded number of requests at once; or cancelled, as configured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from starlette.types import Receive

_PATIENCE = 0.02
"""Seconds."""


class DetachedWork:
    """How paid calls without a client go on: each at most ``seconds`` (0: not at all), at most ``most`` at once."""

    def __init__(self, seconds: float, most: int = 100) -> None:
        self._seconds = seconds
        self._most = most
        self.running = 0

    def seconds_left(self) -> float:
        """How long one more abandoned request may go on; 0 when it may not."""
        return self._seconds if self.running < self._most else 0.0


class ClientWatch:
    """Watches the connection of the current task's request: ``async with ClientWatch(…)`` around the answer.

    ``dispatched``: whether a provider has been called. When the time is up the task is cancelled; ``left`` tells that
    cancellation from any other. Watching begins after ``patience`` seconds: the task for it costs more than most of what a
    quick answer needs, and who leaves before is noticed then.
    """

    def __init__(
        self, receive: Receive, dispatched: Callable[[], bool], work: DetachedWork, *, patience: float = _PATIENCE
    ) -> None:
        self._receive = receive
        self._dispatched = dispatched
        self._work = work
        self._patience = patience
        self._watcher: asyncio.Task[None] | None = None
        self._beginning: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.left = False

    async def __aenter__(self) -> ClientWatch:
        task = asyncio.current_task()
        assert task is not None  # coroutines of a running loop always have one
        self._beginning = asyncio.get_running_loop().call_later(self._patience, self._begin, task)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._beginning is not None:
            self._beginning.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._work.running -= 1
        if self._watcher is not None:
            self._watcher.cancel()

    def _begin(self, task: asyncio.Task[object]) -> None:
        self._watcher = asyncio.create_task(self._watch(task))

    async def _watch(self, task: asyncio.Task[object]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        seconds = self._work.seconds_left() if self._dispatched() else 0.0
        if seconds <= 0:
            task.cancel()
            return
        self._work.running += 1
        self._timer = asyncio.get_running_loop().call_later(seconds, task.cancel)
