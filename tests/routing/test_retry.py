"""Retry budget and backoff."""

from __future__ import annotations

from random import Random

from imagegate.routing.retry import RetryBudget, backoff


def test_three_retries_are_always_allowed_and_a_fifth_of_many_requests() -> None:
    budget = RetryBudget()
    assert [budget.try_retry() for _ in range(4)] == [True, True, True, False]
    budget.done()
    assert budget.try_retry()
    with budget.request():
        budget.in_flight += 99
        assert [budget.try_retry() for _ in range(18)] == [True] * 17 + [False]


def test_a_request_counts_only_while_it_runs() -> None:
    budget = RetryBudget()
    with budget.request():
        assert budget.in_flight == 1
    assert budget.in_flight == 0


def test_backoff_is_full_jitter_within_its_cap() -> None:
    random = Random(3)
    second = [backoff(2, random) for _ in range(200)]
    tenth = [backoff(10, random) for _ in range(200)]
    assert min(second) >= 0 and max(second) <= 0.05 and max(second) > 0.03
    assert max(tenth) <= 0.25 and max(tenth) > 0.2
