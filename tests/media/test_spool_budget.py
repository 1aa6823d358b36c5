from __future__ import annotations

import pytest

from imagegate.errors import LimitExceeded, TooLarge
from imagegate.media.spool_budget import RETRY_AFTER, Allowance, SpoolBudget


def test_what_is_reserved_is_not_there_for_others() -> None:
    budget = SpoolBudget(100)
    one, other = Allowance(budget), Allowance(budget)
    one.reserve(60)
    other.reserve(40)
    with pytest.raises(LimitExceeded) as refused:
        one.reserve(1)
    assert (refused.value.code, refused.value.retry_after) == ("upload_capacity", RETRY_AFTER)
    assert budget.reserved == 100


def test_bytes_are_taken_from_what_is_held_first() -> None:
    budget = SpoolBudget(100)
    allowance = Allowance(budget)
    allowance.reserve(60)
    allowance.take(50)
    assert budget.reserved == 60
    allowance.take(20)
    assert budget.reserved == 70


def test_a_refused_take_changes_nothing() -> None:
    budget = SpoolBudget(100)
    allowance, other = Allowance(budget), Allowance(budget)
    other.reserve(50)
    allowance.take(40)
    with pytest.raises(LimitExceeded):
        allowance.take(20)
    allowance.take(10)
    assert budget.reserved == 100


def test_trimming_keeps_what_is_used() -> None:
    budget = SpoolBudget(100)
    allowance = Allowance(budget)
    allowance.reserve(80)
    allowance.take(30)
    allowance.give_back(10)
    assert budget.reserved == 80
    allowance.trim()
    assert budget.reserved == 20
    allowance.give_back(20)
    allowance.trim()
    assert budget.reserved == 0


def test_what_can_never_fit_is_too_large_and_not_a_matter_of_time() -> None:
    with pytest.raises(TooLarge) as refused:
        Allowance(SpoolBudget(100)).reserve(101)
    assert refused.value.code == "upload_capacity"
