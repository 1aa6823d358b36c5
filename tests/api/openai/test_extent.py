from __future__ import annotations

import time
from typing import Any

import pytest

from imagegate.api.openai.extent import DEEPEST, MOST_FIELDS, MOST_VALUES, check_count, check_extent
from imagegate.errors import InvalidRequest


def nested(levels: int) -> Any:
    """A value inside of this many lists and objects."""
    value: Any = 5
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def test_the_number_of_fields() -> None:
    check_count({str(number): None for number in range(MOST_FIELDS)})
    with pytest.raises(InvalidRequest) as error:
        check_count({str(number): None for number in range(MOST_FIELDS + 1)})
    assert (error.value.code, error.value.param) == ("too_many_fields", None)


def test_the_depth_of_a_field() -> None:
    check_extent([("a", 5), ("b", "text"), ("c", None), ("d", nested(DEEPEST - 1))])
    with pytest.raises(InvalidRequest) as error:
        check_extent([("a", 5), ("deep", nested(DEEPEST))])
    assert (error.value.code, error.value.param) == ("invalid_value", "deep")
    assert "nested deeper" in error.value.message


def test_the_number_of_values_in_all_fields_together() -> None:
    check_extent([("a", [0] * (MOST_VALUES // 2)), ("b", [0] * (MOST_VALUES // 2))])
    with pytest.raises(InvalidRequest) as error:
        check_extent([("a", [0] * (MOST_VALUES // 2)), ("b", {"c": [0] * (MOST_VALUES // 2)})])
    assert (error.value.code, error.value.param) == ("invalid_value", "b")


def test_a_long_text_is_one_value() -> None:
    check_extent([("a", "x" * (MOST_VALUES * 2))])


@pytest.mark.parametrize("value", [[0] * 5_000_000, [[]] * 5_000_000])
def test_no_more_is_walked_than_is_allowed(value: list[Any]) -> None:
    started = time.process_time()
    with pytest.raises(InvalidRequest):
        check_extent([("a", value)])
    assert time.process_time() - started < 0.1


def test_the_name_is_fit_to_be_shown() -> None:
    with pytest.raises(InvalidRequest) as error:
        check_extent([("a\x1b\n" + "x" * 500, nested(DEEPEST))])
    assert error.value.message.isprintable()
    assert len(error.value.message) < 200
