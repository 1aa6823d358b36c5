"""Submit-and-poll: after the submit the work is ordered, so no failure may lead to ordering it again elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from imagegate.errors import Ambiguous, UpstreamError

WITHDRAW_SECONDS = 1.5
"""How long a provider is asked to drop a job that nobody waits for any more."""


@contextmanager
def paid() -> Iterator[None]:
    """Around everything after the submit. Errors that would let the relay try another candidate become Ambiguous."""
    try:
        yield
    except UpstreamError as error:
        if not error.next_candidate:
            raise
        raise Ambiguous("The provider took the job and then could not be asked about it.") from error


@asynccontextmanager
async def withdrawn(withdraw: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Around the wait for a job: whoever leaves early (generator closed, task cancelled, deadline) has ``withdraw`` called.

    It gets ``WITHDRAW_SECONDS``, and its failure is nobody's business.
    """
    try:
        yield
    except (GeneratorExit, asyncio.CancelledError):
        await _in_time(withdraw)
        raise
    except Ambiguous as error:
        if error.timed_out:
            await _in_time(withdraw)
        raise


async def _in_time(work: Callable[[], Awaitable[object]]) -> None:
    """In a task of its own, because the one that leaves may be cancelled a second time."""
    task = asyncio.ensure_future(work())
    try:
        await asyncio.wait({task}, timeout=WITHDRAW_SECONDS)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
