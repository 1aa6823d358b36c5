"""Credentials that do not print themselves, and deadlines that stand in the documentation."""

from __future__ import annotations

import copy
import dataclasses
import logging
import traceback

import pytest

from imagegate.domain.channels import Candidate, Channel, ModelRoute, Secret, Timeouts

CLEAR = "sk-very-secret"
CHANNEL = Channel("main", "openai", "https://x.test", (Secret(CLEAR),), {"m": ModelRoute("m")})


@pytest.mark.parametrize("thing", [Secret(CLEAR), CHANNEL, Candidate(CHANNEL, Secret(CLEAR), ModelRoute("m")), [Secret(CLEAR)]])
def test_a_credential_never_prints_itself(thing: object) -> None:
    for text in (repr(thing), str(thing), f"{thing}", f"{thing!r:>50}", "%s" % (thing,)):  # noqa: UP031 - one of the ways
        assert CLEAR not in text
    assert "***" in repr(thing)


def test_nor_in_a_log_line_or_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError(Secret(CLEAR), CHANNEL)
    except ValueError as error:
        logging.getLogger("x").exception("failed with %s", CHANNEL)
        assert CLEAR not in "".join(traceback.format_exception(error))
    assert CLEAR not in caplog.text


def test_it_is_revealed_on_purpose_and_compared_by_value() -> None:
    assert Secret(CLEAR).reveal() == CLEAR
    assert Secret(CLEAR) == Secret(CLEAR) != Secret("sk-other")
    assert copy.deepcopy(Secret(CLEAR)).reveal() == CLEAR
    assert len({Secret(CLEAR), Secret(CLEAR)}) == 1


@pytest.mark.parametrize("thing", [Secret(CLEAR), CHANNEL, ModelRoute("m"), Timeouts()])
def test_nothing_changes_after_it_was_read(thing: object) -> None:
    assert dataclasses.is_dataclass(thing)
    name = dataclasses.fields(thing)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, name, "other")


def test_deadlines_have_their_defaults() -> None:
    assert dataclasses.astuple(Timeouts()) == (5, 300, 120, 600)
