"""Several calls for one request: more pictures than a model makes at once.

The calls run side by side; each is read only as fast as its pictures are taken. A call that fails costs its own pictures and
nothing else: the others are ordered and paid.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from imagegate.domain.events import CompletedImage, Finished, ImageEvent, Usage, add_usage
from imagegate.errors import GatewayError, UpstreamError


@dataclass(slots=True)
class _Tally:
    """What came of the calls so far."""

    pictures: int = 0
    failures: list[GatewayError] = field(default_factory=list)
    usage: Usage | None = None
    last: Finished | None = None

    def take(self, finished: Finished) -> None:
        self.usage = add_usage(self.usage, finished.usage)
        self.last = finished

    def worst(self) -> GatewayError:
        """The failure to report when nothing came: one that forbids another try, if there is any."""
        final = (error for error in self.failures if not (isinstance(error, UpstreamError) and error.next_candidate))
        return next(final, self.failures[0])


async def merged(sources: Sequence[AsyncGenerator[ImageEvent]]) -> AsyncGenerator[ImageEvent]:
    """The events of all calls as they come, one Finished with the sum at the end.

    Raises the first final failure when no call made a picture. Pictures that are missing are left to the caller to count.
    """
    tally = _Tally()
    running = {asyncio.ensure_future(_next(source)): source for source in sources}
    try:
        while running:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                source = running.pop(task)
                event = _outcome(task, tally)
                if event is None:
                    continue
                tally.pictures += isinstance(event, CompletedImage)
                if isinstance(event, Finished):
                    tally.take(event)
                else:
                    yield event
                running[asyncio.ensure_future(_next(source))] = source
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        for source in sources:
            await source.aclose()
    if tally.pictures == 0 and tally.failures:
        raise tally.worst()
    if tally.last is not None:
        yield Finished(tally.usage, tally.last.created, tally.last.details, tally.last.extra)


def _outcome(task: asyncio.Future[ImageEvent | None], tally: _Tally) -> ImageEvent | None:
    try:
        return task.result()
    except GatewayError as error:
        tally.failures.append(error)
        return None


async def _next(source: AsyncGenerator[ImageEvent]) -> ImageEvent | None:
    return await anext(source, None)
