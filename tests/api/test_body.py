"""Request bodies: bounded, with a deadline, and refused for what they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from imagegate.api.body import chunks, content_length, read_json_object
from imagegate.errors import GatewayError, InvalidRequest, RequestTimeout, TooLarge

LIMIT = 1000


class Sender:
    """A client that sends these pieces; a number is a pause in seconds, None is leaving. ``asked``: how often it was asked."""

    def __init__(self, pieces: Sequence[bytes | float | None]) -> None:
        self._pieces = list(pieces)
        self.asked = 0

    async def receive(self) -> Message:
        self.asked += 1
        while self._pieces:
            piece = self._pieces.pop(0)
            if piece is None:
                return {"type": "http.disconnect"}
            if isinstance(piece, bytes):
                return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}
            await asyncio.sleep(piece)
        return {"type": "http.request", "body": b"", "more_body": False}


def request(*pieces: bytes | float | None, length: str | None = None) -> tuple[Request, Sender]:
    """A request with this body; ``length``: its Content-Length."""
    sender = Sender(pieces)
    headers = [] if length is None else [(b"content-length", length.encode("latin-1"))]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, sender.receive), sender


async def refused(*pieces: bytes | float | None, length: str | None = None) -> GatewayError:
    """What reading this body as JSON raises."""
    with pytest.raises(GatewayError) as caught:
        await read_json_object(request(*pieces, length=length)[0], LIMIT)
    return caught.value


class TestContentLength:
    @pytest.mark.parametrize(("value", "expected"), [(None, None), ("0", 0), ("007", 7), ("9" * 20, 10**20 - 1)])
    def test_it_is_a_number_or_not_there(self, value: str | None, expected: int | None) -> None:
        assert content_length(request(length=value)[0]) == expected

    @pytest.mark.parametrize("value", ["", "-1", "+1", "1.0", "1e3", "0x10", "1 2", "1,1", "abc", "²", "9" * 21, "9" * 5000])
    def test_everything_else_is_refused(self, value: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            content_length(request(length=value)[0])
        assert caught.value.code == "invalid_content_length"


class TestJson:
    @pytest.mark.parametrize("split", [1, 2, 7, 100])
    async def test_an_object_in_whatever_pieces(self, split: int) -> None:
        document = {"prompt": "ein Löwe 🦁", "n": 2, "nested": {"a": [1, None, True]}}
        text = json.dumps(document, ensure_ascii=False).encode()
        pieces = [text[start : start + split] for start in range(0, len(text), split)]
        assert await read_json_object(request(*pieces)[0], LIMIT) == document

    async def test_a_large_one_is_read_whole(self) -> None:
        text = b'{"a":[' + b"{}," * 500_000 + b"1]}"
        body = await read_json_object(
            request(*(text[start : start + 65536] for start in range(0, len(text), 65536)))[0], len(text)
        )
        assert len(body["a"]) == 500_001

    async def test_exactly_the_limit_is_taken_and_one_byte_more_is_not(self) -> None:
        text = b'{"a":"' + b"x" * (LIMIT - 8) + b'"}'
        assert await read_json_object(request(text, length=str(LIMIT))[0], LIMIT)
        assert await read_json_object(request(text)[0], LIMIT)
        for error in (await refused(text + b" "), await refused(text + b" ", length=str(LIMIT + 1))):
            assert isinstance(error, TooLarge)
            assert str(LIMIT) in error.message

    async def test_an_announced_excess_is_refused_before_anything_is_read(self) -> None:
        asked, sender = request(b"{}", length=str(LIMIT + 1))
        with pytest.raises(TooLarge):
            await read_json_object(asked, LIMIT)
        assert sender.asked == 0

    async def test_an_excess_that_was_not_announced_is_refused_while_it_comes(self) -> None:
        asked, sender = request(*[b"x" * 100] * 1000)
        with pytest.raises(TooLarge):
            await read_json_object(asked, LIMIT)
        assert sender.asked == 11

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            (b"", "empty"),
            (b'{"a": 1,}', "line 1, column"),
            (b'{\n "a": b}', "line 2, column"),
            (b"\xff", "not valid JSON"),
            (b"[1]", "must be a JSON object"),
            (b"null", "must be a JSON object"),
        ],
    )
    async def test_what_is_no_object_is_told_why(self, body: bytes, says: str) -> None:
        error = await refused(body)
        assert (error.http_status, error.code) == (400, "invalid_json")
        assert says in error.message


class TestTime:
    @pytest.mark.parametrize("pieces", [(5.0,), (b'{"a"', 5.0, b":1}")])
    async def test_a_client_that_falls_silent_is_told_so(self, pieces: Sequence[bytes | float]) -> None:
        with pytest.raises(RequestTimeout) as caught:
            await read_json_object(request(*pieces)[0], LIMIT, idle=0.03)
        assert caught.value.http_status == 408
        with pytest.raises(RequestTimeout):
            async for _ in chunks(request(*pieces)[0], idle=0.03):
                pass

    async def test_a_slow_client_is_waited_for_as_long_as_something_comes(self) -> None:
        pieces: list[Any] = [b"{", 0.05, b'"a"', 0.05, b":", 0.05, b"1", 0.05, b"}"]
        assert await read_json_object(request(*pieces)[0], LIMIT, idle=0.18) == {"a": 1}
        assert [chunk async for chunk in chunks(request(*pieces)[0], idle=0.18)] == [b"{", b'"a"', b":", b"1", b"}"]

    async def test_a_client_that_leaves_is_no_error_of_ours(self) -> None:
        with pytest.raises(ClientDisconnect):
            await read_json_object(request(b"{", None)[0], LIMIT)
        with pytest.raises(ClientDisconnect):
            async for _ in chunks(request(b"{", None)[0]):
                pass


async def test_chunks_come_as_they_arrive_and_none_is_empty() -> None:
    asked, sender = request(b"a", b"", b"bc", b"")
    stream = chunks(asked)
    assert await anext(stream) == b"a"
    assert sender.asked == 1
    assert [chunk async for chunk in stream] == [b"bc"]
