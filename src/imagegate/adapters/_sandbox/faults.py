"""Failures and delays on request: words in the prompt, so that people can test their own clients."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from imagegate.errors import (
    Ambiguous,
    AuthFailed,
    BadResponse,
    ContentRefused,
    GatewayError,
    RateLimited,
    Unavailable,
)

LONGEST_SECONDS = 60.0
"""The most that any directive may name."""

_DIRECTIVE = re.compile(r"\bsandbox:(?P<word>[a-z0-9]+)(?:=(?P<seconds>[0-9]{1,6}(?:\.[0-9]{1,3})?))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """``make``: the error, given the seconds that the directive named. ``midway``: it strikes when part of the picture is out."""

    make: Callable[[float | None], GatewayError]
    midway: bool = False


@dataclass(frozen=True, slots=True)
class Directives:
    """What a prompt asks for. ``delay``: seconds, None when it says nothing. ``progress``: Progress events between pictures.

    ``early`` and ``midway``: makers of the error to fail with, before the first picture or in the middle of it.
    """

    early: Callable[[], GatewayError] | None = None
    midway: Callable[[], GatewayError] | None = None
    delay: float | None = None
    progress: bool = False


FAULTS: Mapping[str, Fault] = {
    "401": Fault(lambda _: AuthFailed("The sandbox refused the gateway's credentials, as the prompt asked.")),
    "429": Fault(lambda wait: RateLimited("The sandbox is limiting requests, as the prompt asked.", retry_after=wait)),
    "500": Fault(lambda _: Ambiguous("The sandbox failed while working on the request, as the prompt asked.")),
    "503": Fault(lambda wait: Unavailable("The sandbox is overloaded, as the prompt asked.", retry_after=wait)),
    "refuse": Fault(lambda _: ContentRefused("The sandbox's safety system refused the prompt, as it asked.")),
    "timeout": Fault(lambda _: Ambiguous("The sandbox did not answer in time, as the prompt asked.", timed_out=True)),
    "cut": Fault(lambda _: BadResponse("The sandbox's answer was cut short, as the prompt asked."), midway=True),
}
"""``sandbox:<word>`` in a prompt. ``sandbox:429=2`` and ``sandbox:503=2`` also say when to come back, in seconds; a channel
key rests for that long, so without a number nobody else is held up. Besides: ``sandbox:slow=2.5`` (seconds in all) and
``sandbox:progress``."""


def read_directives(prompt: str) -> Directives:
    """The directives of a prompt; of several faults the first counts, unknown words are just words."""
    fault: Fault | None = None
    wait: float | None = None
    delay: float | None = None
    progress = False
    for found in _DIRECTIVE.finditer(prompt):
        word = found["word"].lower()
        seconds = min(float(found["seconds"]), LONGEST_SECONDS) if found["seconds"] else None
        if word == "slow" and seconds is not None:
            delay = seconds
        elif word == "progress":
            progress = True
        elif word in FAULTS and fault is None:
            fault, wait = FAULTS[word], seconds
    make = partial(fault.make, wait) if fault else None
    midway = fault is not None and fault.midway
    return Directives(None if midway else make, make if midway else None, delay, progress)
