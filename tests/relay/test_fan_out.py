"""More pictures than a model makes at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from imagegate.domain.capabilities import Capabilities
from imagegate.domain.channels import Channel
from imagegate.domain.events import Finished, ImageEvent, Progress, Usage
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import Ambiguous, InvalidRequest, RateLimited
from imagegate.relay.relay import Report
from imagegate.upstream.client import Upstream
from tests.relay.scripted import PNG, ScriptedAdapter, channel, drained, picture, relay, request

Step = ImageEvent | Exception | str
"""What a call does next; ``picture`` makes a fresh one."""
ONE_AT_A_TIME = Capabilities(frozenset({Operation.GENERATE}), max_n=1)


class Numbered(ScriptedAdapter):
    """Each call has its own outcome."""

    def __init__(self, *outcomes: list[Step], capabilities: Capabilities = ONE_AT_A_TIME) -> None:
        super().__init__({}, capabilities)
        self.outcomes = list(outcomes)
        self.most_at_once = self.running = 0

    async def run(self, request: ImageRequest, channel: Channel, upstream: Upstream) -> AsyncGenerator[ImageEvent]:
        number = len(self.calls)
        self.calls.append((channel.name, request))
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await asyncio.sleep(0.01)
            for step in self.outcomes[number % len(self.outcomes)]:
                if isinstance(step, Exception):
                    raise step
                yield picture() if isinstance(step, str) else step
        finally:
            self.running -= 1
            self.closed += 1


def pictures(count: int = 1) -> list[Step]:
    return ["picture"] * count


async def test_n_calls_run_side_by_side_and_each_asks_for_one() -> None:
    adapter = Numbered(pictures())
    seen = await drained(relay(adapter, [channel("one")]).run(request(n=4), Report()))
    assert seen == [("CompletedImage", PNG)] * 4
    assert [asked.n for _, asked in adapter.calls] == [1, 1, 1, 1]
    assert adapter.most_at_once == 4


async def test_ten_by_four_are_three_calls() -> None:
    adapter = Numbered(pictures(4), pictures(4), pictures(2), capabilities=Capabilities(frozenset({Operation.GENERATE}), max_n=4))
    report = Report()
    await drained(relay(adapter, [channel("one")]).run(request(n=10), report))
    assert sorted(asked.n for _, asked in adapter.calls) == [2, 4, 4]
    assert report.images == 10


async def test_more_than_ten_is_refused_before_any_call() -> None:
    adapter = Numbered(pictures())
    with pytest.raises(InvalidRequest) as caught:
        await drained(relay(adapter, [channel("one")]).run(request(n=11), Report()))
    assert caught.value.param == "n"
    assert adapter.calls == []


async def test_usage_is_summed_into_one_finished() -> None:
    finished = Finished(Usage(1, 2, 3, 1, 0))
    adapter = Numbered([*pictures(), finished])
    events = [event async for event in relay(adapter, [channel("one")]).run(request(n=3), Report())]
    assert isinstance(events[-1], Finished)
    assert events[-1].usage == Usage(3, 6, 9, 3, 0)
    assert sum(isinstance(event, Finished) for event in events) == 1


async def test_a_call_that_fails_costs_its_own_picture_and_it_is_said() -> None:
    adapter = Numbered(pictures(), [RateLimited("x")], pictures())
    events = [event async for event in relay(adapter, [channel("one"), channel("two", 1)]).run(request(n=3), Report())]
    assert isinstance(events[-1], Finished)
    assert events[-1].extra["imagegate"] == {"images_asked": 3, "images_made": 2}
    assert any(isinstance(event, Progress) for event in events)
    assert {name for name, _ in adapter.calls} == {"one"}, "what is paid is not ordered again elsewhere"


async def test_when_all_are_refused_before_work_the_next_channel_serves_all() -> None:
    adapter = Numbered([RateLimited("x")], [RateLimited("x")], pictures(), pictures())
    seen = await drained(relay(adapter, [channel("one"), channel("two", 1)]).run(request(n=2), Report()))
    assert len(seen) == 2
    assert [name for name, _ in adapter.calls] == ["one", "one", "two", "two"]


async def test_one_call_that_may_be_paid_makes_the_failure_final() -> None:
    adapter = Numbered([RateLimited("x")], [Ambiguous("x")])
    with pytest.raises(Ambiguous):
        await drained(relay(adapter, [channel("one"), channel("two", 1)]).run(request(n=2), Report()))
    assert len(adapter.calls) == 2


async def test_closing_early_closes_every_call() -> None:
    adapter = Numbered(pictures(2), capabilities=Capabilities(frozenset({Operation.GENERATE}), max_n=2))
    events = relay(adapter, [channel("one")]).run(request(n=6), Report())
    await anext(events)
    await events.aclose()
    assert adapter.closed == len(adapter.calls) == 3


async def test_a_seed_is_counted_on_so_that_the_pictures_differ() -> None:
    adapter = Numbered(pictures())
    await drained(relay(adapter, [channel("one")]).run(request(n=3, extra={"seed": 7}), Report()))
    assert [asked.extra["seed"] for _, asked in adapter.calls] == [7, 8, 9]
