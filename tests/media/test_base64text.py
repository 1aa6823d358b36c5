from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.media.base64text import PIECE, decode_stream, decode_text, encode_stream

BIG = os.urandom(1_500_000)


async def stream(pieces: Iterable[bytes]) -> AsyncGenerator[bytes]:
    for piece in pieces:
        yield piece


async def decoded(pieces: Iterable[bytes]) -> bytes:
    return b"".join([data async for data in decode_stream(stream(pieces))])


async def encoded(pieces: Iterable[bytes]) -> bytes:
    return b"".join([data async for data in encode_stream(stream(pieces))])


def cut(data: bytes, lengths: list[int]) -> list[bytes]:
    """``data`` in pieces of these lengths, again and again; 0 gives an empty piece."""
    pieces, at, turn = [], 0, 0
    while at < len(data):
        length = lengths[turn % len(lengths)]
        pieces.append(data[at : at + length])
        at, turn = at + length, turn + 1
    return pieces


LENGTHS = st.lists(st.integers(0, 7), min_size=1, max_size=5).filter(any)


@settings(max_examples=80, deadline=None)
@given(data=st.binary(max_size=60), lengths=LENGTHS, urlsafe=st.booleans(), padded=st.booleans())
def test_decodes_pieces_of_any_length_in_both_alphabets(data: bytes, lengths: list[int], urlsafe: bool, padded: bool) -> None:
    text = base64.urlsafe_b64encode(data) if urlsafe else base64.b64encode(data)
    pieces = cut(text if padded else text.rstrip(b"="), lengths)
    assert asyncio.run(decoded(pieces)) == data


@settings(max_examples=80, deadline=None)
@given(data=st.binary(max_size=60), lengths=LENGTHS)
def test_encodes_pieces_of_any_length(data: bytes, lengths: list[int]) -> None:
    assert asyncio.run(encoded(cut(data, lengths))) == base64.b64encode(data)


@pytest.mark.parametrize("length", [1000, PIECE - 1, PIECE, 3 * PIECE + 5, len(BIG) * 2])
async def test_long_data_survives_both_ways(length: int) -> None:
    text = base64.b64encode(BIG)
    assert await decoded(cut(text, [length])) == BIG
    assert await encoded(cut(BIG, [length])) == text


GARBAGE = [
    b"QUJD\nQUJD",
    b"QUJD QUJD",
    b"QQ==QQ==",
    b"QQ==Q",
    b"QQ===",
    b"QUJD====",
    b"QUJD=",
    b"Q",
    b"QUJDQ",
    b"Q=",
    b"Q=Q=",
    b"=",
    b"====",
    b"=QUJ",
    b"QU*D",
    b"QUJ\xc3\xa4",
    b"%2B%2F==",
    b"QUJD\x00",
]


@pytest.mark.parametrize("text", GARBAGE)
@pytest.mark.parametrize("length", [1, 3, 4, 100])
async def test_garbage_is_an_error_wherever_it_is_cut(text: bytes, length: int) -> None:
    with pytest.raises(ValueError, match="base64"):
        await decoded(cut(text, [length]))


@pytest.mark.parametrize("text", GARBAGE)
async def test_garbage_is_an_error_in_a_whole_text(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"base64|ascii"):
        await decode_text(text.decode("utf-8"))


async def test_bytes_leave_as_soon_as_they_are_complete() -> None:
    async with aclosing(decode_stream(stream([b"QUJ", b"DQ", b"UI"]))) as data:
        assert [piece async for piece in data] == [b"ABC", b"AB"]


async def test_empty_text_is_no_bytes() -> None:
    assert await decoded([]) == b""
    assert await decoded([b"", b""]) == b""
    assert await encoded([b""]) == b""
    assert await decode_text("") == b""


async def test_large_chunks_come_out_in_small_pieces() -> None:
    text = base64.b64encode(BIG)
    assert max([len(data) async for data in decode_stream(stream([text]))]) <= PIECE
    assert max([len(data) async for data in encode_stream(stream([BIG]))]) <= PIECE


@pytest.mark.parametrize("size", [10, PIECE, len(BIG)])
async def test_whole_texts(size: int) -> None:
    text = base64.b64encode(BIG[:size])
    assert await decode_text(text) == BIG[:size]
    assert await decode_text(text.decode()) == BIG[:size]
    assert await decode_text(base64.urlsafe_b64encode(BIG[:size]).decode().rstrip("=")) == BIG[:size]


async def longest_pause(work: asyncio.Task[bytes]) -> float:
    """Seconds for which ``work`` kept the event loop busy in one go; of this thread only, so that other load does not count."""
    longest = 0.0
    while not work.done():
        began = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - began)
    return longest


async def test_the_event_loop_stays_free_while_20_mb_are_decoded() -> None:
    text = base64.b64encode(BIG * 10)
    # Decoding in one go takes some 30 ms. The best of three, because a thread also pays for cold caches.
    pauses = []
    for _ in range(3):
        pauses.append(await longest_pause(asyncio.create_task(last_of(text))))
    assert min(pauses) < 0.005


async def last_of(text: bytes) -> bytes:
    last = b""
    async for data in decode_stream(stream([text])):
        last = data
    return last
