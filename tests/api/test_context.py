"""What is remembered of a request, and what of it is printed."""

from __future__ import annotations

import re

import pytest
from starlette.datastructures import Headers
from starlette.types import Scope

from imagegate.api.context import RequestRecord, attach, new_record, record_of
from imagegate.domain.images import Operation
from imagegate.errors import InvalidRequest
from imagegate.relay.relay import Report


def test_a_new_record_has_an_id_and_a_start() -> None:
    record = new_record(Headers())
    assert re.fullmatch(r"req_[0-9a-f]{24}", record.id)
    assert record.client_id is None
    assert 0 <= record.line()["ms"] < 1000


def test_a_line_has_nothing_that_is_not_known() -> None:
    assert set(RequestRecord("req_1").line()) == {"request_id", "status", "ms", "bytes"}


def test_a_line_tells_what_the_relay_did() -> None:
    record = RequestRecord("req_1", key_name="dev", operation=Operation.GENERATE, status=200, sent_bytes=7)
    record.report = Report("house-style", channel="openai", upstream_model="gpt-image-2", attempts=2, images=1)
    line = record.line()
    line.pop("ms")
    assert line == {
        "request_id": "req_1",
        "status": 200,
        "bytes": 7,
        "key": "dev",
        "operation": "generate",
        "model": "house-style",
        "channel": "openai",
        "upstream_model": "gpt-image-2",
        "attempts": 2,
        "images": 1,
    }


@pytest.mark.parametrize(("stream", "partials", "expected"), [(True, 3, {"stream": True, "partials": 3}), (False, 0, {})])
def test_streams_are_told_where_there_was_one(stream: bool, partials: int, expected: dict[str, object]) -> None:
    record = RequestRecord("req_1", stream=stream, report=Report(partials=partials))
    assert {name: value for name, value in record.line().items() if name in {"stream", "partials"}} == expected


def test_an_error_is_told_by_its_names_and_not_by_its_words() -> None:
    record = RequestRecord("req_1", error=InvalidRequest("`a very secret prompt` is too long.", param="prompt", code="too_long"))
    line = record.line()
    assert (line["error"], line["code"], line["param"]) == ("InvalidRequest", "too_long", "prompt")
    assert "secret" not in repr(line)


def test_handlers_find_what_was_attached() -> None:
    scope: Scope = {"type": "http"}
    record = RequestRecord("req_1")
    attach(scope, record)
    assert record_of(scope) is record


@pytest.mark.parametrize("scope", [{}, {"imagegate.request": "something else"}])
def test_without_a_frame_there_is_a_stray_record(scope: Scope) -> None:
    assert record_of(scope).id == "req_unknown"
