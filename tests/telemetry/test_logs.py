"""Log lines as a collector and as a person read them."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from imagegate.telemetry.logs import Level, configure
from tests.support.logs import logging_given_back

ANSI = "\x1b["
SECRET = "".join(["sk-", "very", "-secret"])
"""Put together, because a trace quotes the source."""


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def untouched_afterwards() -> Iterator[None]:
    """The next test finds logging as it was."""
    with logging_given_back():
        yield


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Every line as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(secret: str) -> None:
    """Raise with a credential in a local variable."""
    raise ZeroDivisionError("a\nb") from KeyError(len(secret))


class TestJson:
    def test_one_line_an_event_with_level_and_time(self) -> None:
        stream = io.StringIO()
        configure("info", "json", stream)
        structlog.get_logger().info("request", status=200, path="/v1/images", note="two\nlines — “ü”")
        (line,) = lines(stream)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("ts"))
        assert line == {
            "event": "request",
            "level": "info",
            "status": 200,
            "path": "/v1/images",
            "note": "two\nlines — “ü”",
        }

    def test_an_exception_is_one_line_too_and_shows_no_variables(self) -> None:
        stream = io.StringIO()
        configure("info", "json", stream)
        try:
            fail(SECRET)
        except ZeroDivisionError:
            structlog.get_logger().exception("unhandled error")
        (line,) = lines(stream)
        assert (line["event"], line["level"]) == ("unhandled error", "error")
        assert line["exception"].endswith("ZeroDivisionError: a\nb")
        assert SECRET not in stream.getvalue()

    @pytest.mark.parametrize("value", [object(), 2**70, "\ud800", {"a": {1, 2}}, b"\xff", float("nan"), ("a", None)])
    def test_no_value_breaks_a_line(self, value: object) -> None:
        stream = io.StringIO()
        configure("info", "json", stream)
        structlog.get_logger().info("odd", value=value)
        (line,) = lines(stream)
        assert line["event"] == "odd"
        assert "value" in line

    def test_the_standard_librarys_loggers_speak_the_same_form(self) -> None:
        stream = io.StringIO()
        configure("info", "json", stream)
        logging.getLogger("some.library").warning("%s of %s", 1, 2)
        try:
            fail(SECRET)
        except ZeroDivisionError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
        first, second = lines(stream)
        assert (first["event"], first["level"]) == ("1 of 2", "warning")
        assert second["level"] == "error"
        assert "ZeroDivisionError" in second["exception"]
        assert SECRET not in stream.getvalue()


class TestConsole:
    def test_a_person_reads_a_line(self) -> None:
        stream = io.StringIO()
        configure("info", "console", stream)
        structlog.get_logger().info("request", status=200, path="/v1")
        (line,) = stream.getvalue().splitlines()
        assert "request" in line
        assert "status=200" in line
        assert "path=/v1" in line

    @pytest.mark.parametrize(("stream", "coloured"), [(io.StringIO(), False), (Terminal(), True)])
    def test_colours_are_for_terminals(self, stream: io.StringIO, coloured: bool) -> None:
        configure("info", "console", stream)
        structlog.get_logger().warning("request", status=500)
        assert (ANSI in stream.getvalue()) is coloured

    def test_an_exception_shows_its_trace_but_no_variables(self) -> None:
        stream = io.StringIO()
        configure("info", "console", stream)
        try:
            fail(SECRET)
        except ZeroDivisionError:
            structlog.get_logger().exception("unhandled error")
        assert "unhandled error" in stream.getvalue()
        assert "in fail" in stream.getvalue()
        assert SECRET not in stream.getvalue()


@pytest.mark.parametrize(("stream", "is_json"), [(io.StringIO(), True), (Terminal(), False)])
def test_auto_is_json_unless_a_person_looks(stream: io.StringIO, is_json: bool) -> None:
    configure("info", "auto", stream)
    structlog.get_logger().info("request")
    assert stream.getvalue().startswith("{") is is_json


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_levels_below_are_silent(level: Level, expected: list[str]) -> None:
    stream = io.StringIO()
    configure(level, "json", stream)
    log = structlog.get_logger()
    log.debug("x")
    log.info("x")
    log.warning("x")
    log.error("x")
    assert [line["level"] for line in lines(stream)] == expected


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_libraries_are_heard_from_warnings_on(level: Level) -> None:
    stream = io.StringIO()
    configure(level, "json", stream)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "httpcore2", "asyncio"):
        logging.getLogger(name).info("chatter")
    assert stream.getvalue() == ""


def test_configuring_again_replaces_what_was_there() -> None:
    old, new = io.StringIO(), io.StringIO()
    configure("info", "json", old)
    configure("info", "json", new)
    logging.getLogger("some.library").warning("x")
    structlog.get_logger().info("y")
    assert old.getvalue() == ""
    assert [line["event"] for line in lines(new)] == ["x", "y"]
