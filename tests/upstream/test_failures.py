"""Every failure of the HTTP client as one of ours; the table decides who pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import httpx2
import pytest

from imagegate.errors import Ambiguous, BadResponse, GatewayError, Unavailable
from imagegate.upstream.failures import reading, sending

NOTHING_SENT = {httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol, httpx2.ProxyError}
Context = Callable[[], AbstractContextManager[None]]
SECRET = "sk-secret123 https://10.0.0.7:8443/v1"


def leaves(base: type[Exception]) -> Iterator[type[Exception]]:
    """The classes below ``base`` that have none below them."""
    below = base.__subclasses__()
    if not below:
        yield base
    for child in below:
        yield from leaves(child)


TRANSPORT = sorted(set(leaves(httpx2.TransportError)), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", TRANSPORT)
def test_while_sending_only_a_failure_before_the_first_byte_may_be_repeated(kind: type[Exception]) -> None:
    with pytest.raises(GatewayError) as caught, sending():
        raise kind(SECRET)
    error = caught.value
    assert type(error) is (Unavailable if kind in NOTHING_SENT else Ambiguous)
    if isinstance(error, Ambiguous):
        assert error.timed_out is issubclass(kind, httpx2.TimeoutException)
        assert error.http_status == (504 if error.timed_out else 502)
        assert error.should_retry is False
    assert error.__cause__ is not None


@pytest.mark.parametrize("kind", [*TRANSPORT, httpx2.DecodingError])
def test_while_reading_nothing_may_be_repeated(kind: type[Exception]) -> None:
    with pytest.raises(GatewayError) as caught, reading():
        raise kind(SECRET)
    error = caught.value
    assert type(error) is (Ambiguous if issubclass(kind, httpx2.TimeoutException) else BadResponse)
    assert error.should_retry is False
    assert error.next_candidate is False


@pytest.mark.parametrize(
    "failure", [TimeoutError(), ConnectionResetError(104, "reset"), BrokenPipeError(32, "pipe"), OSError(5, "io")]
)
def test_failures_of_the_operating_system_are_covered(failure: OSError) -> None:
    timed_out = isinstance(failure, TimeoutError)
    with pytest.raises(Ambiguous) as caught, sending():
        raise failure
    assert caught.value.timed_out is timed_out
    with pytest.raises(Ambiguous if timed_out else BadResponse), reading():
        raise failure


@pytest.mark.parametrize("kind", TRANSPORT)
@pytest.mark.parametrize("context", [sending, reading])
def test_no_message_repeats_what_the_client_said(kind: type[Exception], context: Context) -> None:
    with pytest.raises(GatewayError) as caught, context():
        raise kind(SECRET)
    assert "sk-" not in caught.value.message
    assert "10.0.0.7" not in caught.value.message
    assert caught.value.message.endswith(".")
    assert caught.value.code


@pytest.mark.parametrize("error", [BadResponse("x"), ValueError("x"), KeyboardInterrupt()])
@pytest.mark.parametrize("context", [sending, reading])
def test_everything_else_passes_through(error: BaseException, context: Context) -> None:
    with pytest.raises(type(error)) as caught, context():
        raise error
    assert caught.value is error


def test_success_is_left_alone() -> None:
    with sending(), reading():
        pass
