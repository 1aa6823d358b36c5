"""Cut-through scanning of JSON with pictures in it."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.upstream.jsonstream import CargoScanner, CargoStart, InvalidJson, ObjectEnd

KEYS = frozenset({"b64_json"})
DOCUMENT: dict[str, Any] = {
    "created": 1,
    "note": 'a "quoted" } { \\ text with "b64_json": inside',
    "data": [
        {"revised_prompt": "a {cat}", "b64_json": "AAAA" * 50, "extra": {"deep": [1, {"x": None}]}},
        {"b64_json": "BBBB+/==", "after": True},
        {"url": "https://x.test/1.png"},
    ],
    "usage": {"total_tokens": 3},
}


def scan(pieces: list[bytes]) -> tuple[list[tuple[bytes, bytes, dict[str, Any]]], Any]:
    """Pictures as (object's skeleton before it, cargo, fields of its object), and the whole skeleton."""
    scanner = CargoScanner(KEYS)
    pictures: list[tuple[bytes, bytes, dict[str, Any]]] = []
    before, cargo = b"", b""
    for piece in pieces:
        for token in scanner.feed(piece):
            match token:
                case CargoStart(skeleton):
                    before, cargo = skeleton, b""
                case ObjectEnd(fields):
                    pictures.append((before, cargo, fields))
                case _:
                    cargo += token
    return pictures, scanner.close()


def split(text: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


@given(st.lists(st.integers(min_value=0, max_value=10_000), max_size=12), st.sampled_from([None, 2]))
@settings(deadline=None, max_examples=300)
def test_any_split_gives_the_same_pictures_and_fields(cuts: list[int], indent: int | None) -> None:
    text = json.dumps(DOCUMENT, indent=indent).encode()
    pictures, whole = scan(split(text, cuts))
    assert [cargo for _, cargo, _ in pictures] == [b"AAAA" * 50, b"BBBB+/=="]
    assert pictures[0][2]["extra"] == {"deep": [1, {"x": None}]}
    assert pictures[0][2]["revised_prompt"] == "a {cat}"
    assert pictures[1][2] == {"b64_json": "", "after": True}
    assert whole["data"][2] == {"url": "https://x.test/1.png"}
    assert whole["note"] == DOCUMENT["note"]
    assert whole["usage"] == {"total_tokens": 3}


def test_one_byte_at_a_time() -> None:
    text = json.dumps(DOCUMENT).encode()
    assert scan([text[i : i + 1] for i in range(len(text))]) == scan([text])


def test_the_fields_before_the_picture_are_known_when_it_begins() -> None:
    pictures, _ = scan([b'{"type":"x.completed","b64_json":"AAAA"}'])
    assert pictures[0][0] == b'{"type":"x.completed","b64_json":"'


def test_escapes_that_encoders_put_into_base64_are_undone() -> None:
    pictures, _ = scan([rb'{"b64_json":"a\/b\u002bc\nd\r\u003d"}'])
    assert pictures[0][1] == b"a/b+cd="
    text = rb'{"b64_json":"a\/b\u002bc"}'
    assert scan([text[i : i + 1] for i in range(len(text))])[0][0][1] == b"a/b+c"


@pytest.mark.parametrize("escape", [rb"\"", rb"\x", rb"\u0022", rb"\u000a", rb"\u00e9", rb"\uZZZZ"])
def test_an_escape_that_could_end_the_string_or_the_line_is_refused(escape: bytes) -> None:
    with pytest.raises(InvalidJson):
        scan([b'{"b64_json":"AAAA' + escape + b'"}'])


@pytest.mark.parametrize("break_", [b"\n", b"\r"])
def test_a_raw_line_break_inside_a_picture_is_refused(break_: bytes) -> None:
    with pytest.raises(InvalidJson):
        scan([b'{"b64_json":"AA' + break_ + b'AA"}'])


@pytest.mark.parametrize("value", [b"null", b"12", b'""', b"[]"])
def test_values_that_are_no_picture_stay_in_the_skeleton(value: bytes) -> None:
    pictures, whole = scan([b'{"data":[{"b64_json":' + value + b',"url":"u"}]}'])
    assert pictures == []
    assert whole["data"][0]["b64_json"] == json.loads(value)


def test_a_value_that_looks_like_the_key_is_no_picture() -> None:
    pictures, whole = scan([b'{"a":"b64_json","c":"xyz"}'])
    assert pictures == []
    assert whole == {"a": "b64_json", "c": "xyz"}


@pytest.mark.parametrize(
    "text",
    [
        b'{"b64_json":"AAAA',
        b'{"b64_json":"AAAA"',
        b'{"a":"b',
        b'{"a":1',
        b"<html>",
        b"",
        b"}",
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1}}',
    ],
)
def test_text_that_is_no_whole_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidJson):
        scan([text])


def test_the_small_part_is_bounded() -> None:
    scanner = CargoScanner(KEYS, limit=1000)
    with pytest.raises(InvalidJson):
        for _ in range(20):
            scanner.feed(b'{"a":"' + b"x" * 100)


def test_a_large_picture_costs_no_memory() -> None:
    scanner = CargoScanner(KEYS)
    scanner.feed(b'{"data":[{"b64_json":"')
    chunk = random.Random(1).randbytes(48 * 1024).hex().encode()
    for _ in range(200):
        assert [token for token in scanner.feed(chunk) if token is chunk], "the chunk itself is handed on, not a copy"
    scanner.feed(b'"}]}')
    assert scanner.close() == {"data": [{"b64_json": ""}]}
