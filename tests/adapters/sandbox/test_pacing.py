from __future__ import annotations

from imagegate.adapters._sandbox.pacing import Pace


class Clock:
    """Time that passes only when somebody sleeps, or by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


async def test_a_delay_is_spread_evenly() -> None:
    clock = Clock()
    pace = Pace(3.0, 4, clock=clock, sleep=clock.sleep)
    for _ in range(4):
        await pace.step()
    assert clock.slept == [0.75] * 4


async def test_time_spent_on_work_counts() -> None:
    clock = Clock()
    pace = Pace(3.0, 3, clock=clock, sleep=clock.sleep)
    clock.now += 1.5
    await pace.step()
    await pace.step()
    await pace.step()
    assert clock.slept == [0.5, 1.0]
    assert clock.now == 103.0


async def test_finish_waits_for_all_of_it() -> None:
    clock = Clock()
    await Pace(2.0, 7, clock=clock, sleep=clock.sleep).finish()
    assert clock.slept == [2.0]


async def test_no_delay_never_sleeps() -> None:
    clock = Clock()
    pace = Pace(0.0, 1, clock=clock, sleep=clock.sleep)
    await pace.step()
    await pace.finish()
    assert clock.slept == []
