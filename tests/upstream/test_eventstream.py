"""Cut-through scanning of event streams."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.upstream.eventstream import EventCargo, EventEnd, EventScanner
from imagegate.upstream.jsonstream import InvalidJson

KEYS = frozenset({"b64_json"})
STREAM = (
    ": hello\n\n"
    "event: image_generation.partial_image\n"
    'data: {"type":"image_generation.partial_image","b64_json":"QUJD","partial_image_index":0}\n\n'
    "event: keepalive\n\n"
    "id: 7\nretry: 10\n"
    'data:{"type":"image_generation.completed","size":"ü","b64_json":"REVG","usage":{"total_tokens":1}}\n\n'
    'data: {"a":\ndata: 1}\n\n'
    "data: [DONE]\n\n"
)
Seen = list[tuple[str, bytes, Any]]


def scan(pieces: list[bytes]) -> Seen:
    """Events as (name, cargo, fields)."""
    scanner = EventScanner(KEYS)
    seen: Seen = []
    cargo = b""
    tokens = [token for piece in pieces for token in scanner.feed(piece)] + scanner.close()
    for token in tokens:
        if isinstance(token, EventCargo):
            assert cargo == b""
        elif isinstance(token, EventEnd):
            seen.append((token.name, cargo, token.fields))
            cargo = b""
        else:
            cargo += token
    return seen


EXPECTED: Seen = [
    (
        "image_generation.partial_image",
        b"QUJD",
        {"type": "image_generation.partial_image", "b64_json": "", "partial_image_index": 0},
    ),
    ("", b"REVG", {"type": "image_generation.completed", "size": "ü", "b64_json": "", "usage": {"total_tokens": 1}}),
    ("", b"", {"a": 1}),
    ("", b"", None),
]


@given(st.lists(st.integers(min_value=0, max_value=10_000), max_size=10), st.sampled_from(["\n", "\r\n", "\r"]))
@settings(deadline=None, max_examples=300)
def test_any_split_and_any_line_ending_give_the_same_events(cuts: list[int], ending: str) -> None:
    text = STREAM.replace("\n", ending).encode()
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    assert scan([text[start:end] for start, end in pairwise(edges)]) == EXPECTED


def test_a_missing_last_blank_line_loses_nothing() -> None:
    assert scan([b'event: x\ndata: {"b64_json":"QUJD"}'])[0][1] == b"QUJD"


def test_a_name_before_the_picture_is_known_when_it_begins() -> None:
    tokens = EventScanner(KEYS).feed(b'event: image_edit.completed\ndata: {"type":"t","b64_json":"A')
    assert tokens[0] == EventCargo("image_edit.completed", b'{"type":"t","b64_json":"')


def test_event_text_inside_a_message_makes_no_event() -> None:
    seen = scan([b'data: {"error":{"message":"x\\n\\nevent: evil\\ndata: 1"}}\n\n'])
    assert len(seen) == 1


@pytest.mark.parametrize("text", [b"data: <html>\n\n", b'data: {"a":1\n\n', b'data: {"b64_json":"AAAA\n\n', b"x" * 70_000])
def test_data_that_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidJson):
        scan([text])


def test_a_20_mb_line_passes_in_pieces() -> None:
    scanner = EventScanner(KEYS)
    scanner.feed(b'data: {"b64_json":"')
    chunk = b"A" * 65536
    assert all(scanner.feed(chunk)[-1] is chunk for _ in range(320))
    tail = scanner.feed(b'"}\n\n')
    assert tail == [EventEnd("", {"b64_json": ""})]
