"""What becomes of a request whose client has left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from starlette.types import Message

from imagegate.api.client_watch import ClientWatch, DetachedWork
from tests.support.waiting import until

REQUEST: Message = {"type": "http.request", "body": b"", "more_body": False}
GONE: Message = {"type": "http.disconnect"}


class Client:
    """The receiving side of a connection."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[Message] = asyncio.Queue()

    async def receive(self) -> Message:
        return await self._messages.get()

    def leave(self) -> None:
        self._messages.put_nowait(GONE)

    def say(self, message: Message) -> None:
        self._messages.put_nowait(message)


class Work:
    """A request under way, in a task of its own."""

    def __init__(self, detached: DetachedWork, *, dispatched: bool = True) -> None:
        self.client = Client()
        self.dispatched = dispatched
        self.done = asyncio.Event()
        self.watch = ClientWatch(self.client.receive, lambda: self.dispatched, detached)
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> str:
        async with self.watch:
            await self.done.wait()
        return "finished"

    async def client_gone(self) -> None:
        """Wait until the watch has noticed."""
        await until(lambda: self.watch.left)


def timers() -> list[asyncio.TimerHandle]:
    """What the loop still has to do later."""
    scheduled = getattr(asyncio.get_running_loop(), "_scheduled", [])
    return [timer for timer in scheduled if not timer.cancelled()]


async def cancelled(work: Work) -> bool:
    """Whether the request ends by cancellation."""
    await asyncio.wait({work.task}, timeout=5)
    return work.task.cancelled()


async def test_a_client_that_stays_is_served() -> None:
    work = Work(DetachedWork(5))
    work.client.say(REQUEST)
    await asyncio.sleep(0.01)
    work.done.set()
    assert await work.task == "finished"
    assert not work.watch.left


async def test_before_a_provider_was_called_the_request_is_cancelled() -> None:
    detached = DetachedWork(5)
    work = Work(detached, dispatched=False)
    work.client.leave()
    assert await cancelled(work)
    assert work.watch.left
    assert detached.running == 0


async def test_after_it_the_paid_result_is_read_to_its_end() -> None:
    detached = DetachedWork(5)
    work = Work(detached)
    work.client.leave()
    await work.client_gone()
    assert detached.running == 1
    work.done.set()
    assert await work.task == "finished"
    assert detached.running == 0
    assert timers() == []


async def test_it_is_asked_at_the_moment_of_leaving_whether_a_provider_was_called() -> None:
    work = Work(DetachedWork(5), dispatched=False)
    await asyncio.sleep(0)
    work.dispatched = True
    work.client.leave()
    await work.client_gone()
    await asyncio.sleep(0.01)
    assert not work.task.done()
    work.done.set()
    assert await work.task == "finished"


async def test_finishing_takes_no_longer_than_allowed() -> None:
    detached = DetachedWork(0.05)
    work = Work(detached)
    started = asyncio.get_running_loop().time()
    work.client.leave()
    assert await cancelled(work)
    assert 0.04 < asyncio.get_running_loop().time() - started < 1
    assert work.watch.left
    assert detached.running == 0


async def test_where_no_time_is_allowed_the_call_is_cancelled() -> None:
    detached = DetachedWork(0)
    work = Work(detached)
    work.client.leave()
    assert await cancelled(work)
    assert detached.running == 0


async def test_only_so_many_are_finished_at_once() -> None:
    detached = DetachedWork(5, most=2)
    works = [Work(detached) for _ in range(3)]
    for work in works:
        work.client.leave()
        await work.client_gone()
    assert await cancelled(works[2])
    assert detached.running == 2
    works[0].done.set()
    await works[0].task
    assert detached.seconds_left() == 5
    late = Work(detached)
    late.client.leave()
    await late.client_gone()
    works[1].done.set()
    late.done.set()
    assert [await works[1].task, await late.task] == ["finished", "finished"]
    assert detached.running == 0


async def test_a_server_that_stops_is_no_client_that_left() -> None:
    work = Work(DetachedWork(5))
    await asyncio.sleep(0)
    work.task.cancel()
    assert await cancelled(work)
    assert not work.watch.left


@pytest.mark.parametrize("end", [lambda work: work.done.set(), lambda work: work.task.cancel()])
async def test_nothing_is_left_behind(end: Callable[[Work], object]) -> None:
    before = asyncio.all_tasks()
    work = Work(DetachedWork(5))
    await asyncio.sleep(0.01)
    end(work)
    await asyncio.wait({work.task})
    await until(lambda: asyncio.all_tasks() <= before)


async def test_an_error_of_the_work_is_raised_and_the_place_given_back() -> None:
    detached, client = DetachedWork(5), Client()
    with pytest.raises(ZeroDivisionError):
        async with ClientWatch(client.receive, lambda: True, detached) as watch:
            client.leave()
            await until(lambda: watch.left)
            assert detached.running == 1
            raise ZeroDivisionError
    assert detached.running == 0
    assert timers() == []
