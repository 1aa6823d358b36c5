"""Keys that rest."""

from __future__ import annotations

import pytest

from imagegate.domain.channels import Candidate, Channel, ModelRoute, Secret
from imagegate.errors import Ambiguous, AuthFailed, RateLimited, Unavailable
from imagegate.routing.rest import AUTH_REST, RestingKeys

ROUTE = ModelRoute("m")
CHANNEL = Channel("c", "openai", "https://x.test", (), {"m": ROUTE})
ONE, TWO = (Candidate(CHANNEL, Secret(key), ROUTE) for key in ("one", "two"))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_limited_key_is_not_called_before_its_time() -> None:
    clock = Clock()
    resting = RestingKeys(clock)
    resting.note(ONE, RateLimited("x", retry_after=10))
    assert resting.order([ONE, TWO]) == [TWO]
    clock.now += 10.1
    assert resting.order([ONE, TWO]) == [ONE, TWO]


def test_when_all_are_limited_the_caller_is_told_the_shortest_wait() -> None:
    clock = Clock()
    resting = RestingKeys(clock)
    resting.note(ONE, RateLimited("x", retry_after=10))
    resting.note(TWO, RateLimited("x", retry_after=4))
    clock.now += 1
    with pytest.raises(RateLimited) as caught:
        resting.order([ONE, TWO])
    assert caught.value.retry_after == pytest.approx(3)


def test_a_refused_key_rests_but_is_used_when_nothing_else_is_left() -> None:
    clock = Clock()
    resting = RestingKeys(clock)
    resting.note(ONE, AuthFailed("x"))
    assert resting.order([ONE, TWO]) == [TWO]
    assert resting.order([ONE]) == [ONE]
    clock.now += AUTH_REST + 1
    assert resting.order([ONE, TWO]) == [ONE, TWO]


@pytest.mark.parametrize("error", [Unavailable("x"), Ambiguous("x"), RateLimited("x")])
def test_other_failures_rest_nobody(error: Exception) -> None:
    resting = RestingKeys(Clock())
    assert isinstance(error, (Unavailable, Ambiguous, RateLimited))
    resting.note(ONE, error)
    assert resting.order([ONE]) == [ONE]
