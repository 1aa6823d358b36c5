"""The exception tree: drawn as it is, and consistent where money depends on it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from imagegate import errors
from imagegate.errors import Ambiguous, GatewayError, RequestError, RouteNotFound, UpstreamError


def tree(base: type[GatewayError]) -> Iterator[type[GatewayError]]:
    """A class and everything below it, of this module."""
    yield base
    for child in base.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


ALL = list(tree(GatewayError))
ABSTRACT = (GatewayError, RequestError, UpstreamError)


def test_the_drawing_is_the_tree() -> None:
    drawn = re.findall(r"([A-Z]\w+) +(\d{3})( or \d{3})?", errors.__doc__ or "")
    named = {name: int(status) for name, status, _ in drawn}
    made = {kind.__name__: kind.status for kind in ALL if kind not in ABSTRACT}
    assert {name: status for name, status in named.items() if name in made} == made


@pytest.mark.parametrize("kind", ALL)
def test_each_has_what_a_body_needs(kind: type[GatewayError]) -> None:
    error = kind("One sentence.")
    assert (error.message, str(error)) == ("One sentence.", "One sentence.")
    assert 400 <= error.http_status < 600
    assert error.type
    assert kind in ABSTRACT or error.code, "machine-readable"
    assert kind("x", code="my_code").code == "my_code"


@pytest.mark.parametrize("kind", [kind for kind in ALL if issubclass(kind, RequestError)])
def test_a_callers_error_is_a_4xx(kind: type[GatewayError]) -> None:
    assert 400 <= kind.status < 500


@pytest.mark.parametrize("kind", [kind for kind in ALL if issubclass(kind, UpstreamError) and kind not in ABSTRACT])
def test_either_another_may_be_tried_or_nobody_may_try_again(kind: type[UpstreamError]) -> None:
    assert kind.next_candidate or kind.should_retry is False, "a call that may have been paid must not be repeated by an SDK"


@pytest.mark.parametrize(("timed_out", "status", "code"), [(True, 504, "upstream_timeout"), (False, 502, "upstream_ambiguous")])
def test_an_ambiguous_end_says_whether_time_was_up(timed_out: bool, status: int, code: str) -> None:
    error = Ambiguous("x", timed_out=timed_out)
    assert (error.http_status, error.code, error.timed_out) == (status, code, timed_out)
    assert Ambiguous("x", timed_out=timed_out, code="mine").code == "mine"


@pytest.mark.parametrize(("method_only", "status", "code"), [(True, 405, "method_not_allowed"), (False, 404, "unknown_url")])
def test_a_wrong_method_is_told_from_a_wrong_path(method_only: bool, status: int, code: str) -> None:
    error = RouteNotFound("x", method_only=method_only)
    assert (error.http_status, error.code) == (status, code)
