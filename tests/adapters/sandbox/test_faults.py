from __future__ import annotations

import pytest

from imagegate.adapters._sandbox.faults import FAULTS, LONGEST_SECONDS, read_directives
from imagegate.errors import Ambiguous, AuthFailed, BadResponse, ContentRefused, GatewayError, RateLimited, Unavailable


@pytest.mark.parametrize(
    ("word", "kind", "status", "code"),
    [
        ("401", AuthFailed, 503, "upstream_auth_failed"),
        ("429", RateLimited, 429, "upstream_rate_limited"),
        ("500", Ambiguous, 502, "upstream_ambiguous"),
        ("503", Unavailable, 503, "upstream_unavailable"),
        ("refuse", ContentRefused, 403, "moderation_blocked"),
        ("timeout", Ambiguous, 504, "upstream_timeout"),
    ],
)
def test_each_word_has_its_error(word: str, kind: type[GatewayError], status: int, code: str) -> None:
    directives = read_directives(f"a fox sandbox:{word}, please")
    assert directives.early is not None
    error = directives.early()
    assert type(error) is kind
    assert (error.http_status, error.code) == (status, code)
    assert directives.midway is None


def test_cut_strikes_midway() -> None:
    directives = read_directives("sandbox:cut")
    assert directives.early is None
    assert directives.midway is not None
    assert isinstance(directives.midway(), BadResponse)


def test_every_fault_is_reachable() -> None:
    assert all(read_directives(f"sandbox:{word}").early or read_directives(f"sandbox:{word}").midway for word in FAULTS)


@pytest.mark.parametrize(
    "prompt", ["a sandbox: children", "sandbox", "sandbox:4290", "sandbox:", "mysandbox:429", "sandbox:slow"]
)
def test_other_words_are_just_words(prompt: str) -> None:
    assert read_directives(prompt) == read_directives("")


def test_several_directives_and_any_case() -> None:
    directives = read_directives("Sandbox:Slow=2.5 then SANDBOX:PROGRESS and sandbox:503 or sandbox:429.")
    assert (directives.delay, directives.progress) == (2.5, True)
    assert directives.early is not None
    assert isinstance(directives.early(), Unavailable)


def test_delays_are_bounded() -> None:
    assert read_directives("sandbox:slow=99999").delay == LONGEST_SECONDS


@pytest.mark.parametrize(("prompt", "wait"), [("sandbox:429", None), ("sandbox:429=7", 7.0), ("sandbox:503=2", 2.0)])
def test_refusals_say_when_to_come_back_only_when_told(prompt: str, wait: float | None) -> None:
    directives = read_directives(prompt)
    assert directives.early is not None
    assert directives.early().retry_after == wait
