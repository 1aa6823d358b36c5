"""After the submit nothing is tried elsewhere."""

from __future__ import annotations

import pytest

from imagegate.adapters.shape.jobs import paid
from imagegate.errors import Ambiguous, AuthFailed, BadResponse, ContentRefused, RateLimited, Unavailable


@pytest.mark.parametrize("error", [RateLimited("x"), Unavailable("x"), AuthFailed("x")])
def test_what_would_go_to_another_candidate_is_final(error: Exception) -> None:
    with pytest.raises(Ambiguous) as caught, paid():
        raise error
    assert not caught.value.next_candidate


@pytest.mark.parametrize("error", [BadResponse("x"), Ambiguous("x", timed_out=True), ContentRefused("x")])
def test_everything_else_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, paid():
        raise error
    assert caught.value is error
