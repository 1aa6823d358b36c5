from __future__ import annotations

from typing import Any

import pytest

from imagegate.api.openai.form_fields import FormFields, printable
from imagegate.errors import InvalidRequest


def read(*fields: tuple[str, str]) -> dict[str, Any]:
    collected = FormFields()
    for name, value in fields:
        collected.add(name, value)
    return collected.as_object()


def refused(*fields: tuple[str, str]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as error:
        read(*fields)
    return error.value


def test_plain_names() -> None:
    assert read(("prompt", "a"), ("n", "1"), ("empty", "")) == {"prompt": "a", "n": "1", "empty": ""}


def test_objects() -> None:
    assert read(("svg[model]", "x"), ("svg[reasoning][effort]", "low"), ("svg[detail]", "")) == {
        "svg": {"model": "x", "reasoning": {"effort": "low"}, "detail": ""}
    }


def test_lists() -> None:
    assert read(("a[]", "x"), ("a[]", "x"), ("b[1]", "y"), ("b[0]", "x"), ("c[d][]", "z")) == {
        "a": ["x", "x"],
        "b": ["x", "y"],
        "c": {"d": ["z"]},
    }
    assert read(("a[0][path]", "p"), ("a[1][path]", "q"), ("a[0][scale]", "1")) == {
        "a": [{"path": "p", "scale": "1"}, {"path": "q"}]
    }


@pytest.mark.parametrize(
    "order",
    [
        [("a[][p]", "1"), ("a[][q]", "2"), ("a[][p]", "3"), ("a[][q]", "4")],
        [("a[][p]", "1"), ("a[][p]", "3"), ("a[][q]", "2"), ("a[][q]", "4")],
    ],
    ids=["object after object", "name after name"],
)
def test_lists_of_objects_in_either_order(order: list[tuple[str, str]]) -> None:
    assert read(*order) == {"a": [{"p": "1", "q": "2"}, {"p": "3", "q": "4"}]}


def test_objects_that_nobody_can_tell_apart_are_refused() -> None:
    error = refused(("a[][p]", "1"), ("a[][p]", "3"), ("a[][q]", "2"))
    assert (error.param, error.code) == ("a", "invalid_field_name")
    assert "JSON" in error.message


def test_the_same_twice_is_once_and_two_values_are_an_error() -> None:
    assert read(("n", "2"), ("n", "2"), ("a[b]", "1"), ("a[b]", "1")) == {"n": "2", "a": {"b": "1"}}
    error = refused(("n", "2"), ("n", "3"))
    assert (error.param, error.code, error.http_status) == ("n", "duplicate_parameter", 400)
    assert refused(("a[b]", "1"), ("a[b]", "2")).param == "a[b]"


@pytest.mark.parametrize(
    "fields",
    [
        [("a", "1"), ("a[b]", "2")],
        [("a[b]", "1"), ("a", "2")],
        [("a", "1"), ("a[]", "2")],
        [("a", "1"), ("a[][b]", "2")],
        [("a[][b]", "2"), ("a", "1")],
        [("a[][b]", "2"), ("a[b]", "1")],
        [("a[][b]", "2"), ("a[]", "1")],
        [("a[b]", "2"), ("a[][b]", "1")],
    ],
    ids=str,
)
def test_contradictions(fields: list[tuple[str, str]]) -> None:
    assert refused(*fields).code == "duplicate_parameter"


@pytest.mark.parametrize(
    "fields",
    [
        [("a[0]", "1"), ("a[b]", "2")],
        [("a[][]", "1")],
        [("a[][b][c]", "1")],
        [("a[][][b]", "1")],
        [("a[b][c][d][e][f]", "1")],
    ],
    ids=str,
)
def test_names_that_mean_nothing(fields: list[tuple[str, str]]) -> None:
    assert refused(*fields).code == "invalid_field_name"


def test_the_deepest_name() -> None:
    assert read(("a[b][c][d][e]", "1")) == {"a": {"b": {"c": {"d": {"e": "1"}}}}}


@pytest.mark.parametrize("name", ["a[", "a]", "[a]", "a[b", "a[b]c", "a[[b]]", "[", "a b", "prömpt", "__proto__"])
def test_other_names_are_taken_as_they_are(name: str) -> None:
    assert read((name, "1")) == {name: "1"}


def test_long_numbers_are_names() -> None:
    assert read((f"a[{'9' * 5000}]", "1")) == {"a": {"9" * 5000: "1"}}


def test_names_in_messages_are_harmless() -> None:
    assert printable("a\r\nb\x00\u202ec" + "x" * 200) == "a??b??c" + "x" * 93
