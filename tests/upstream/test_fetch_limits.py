"""Sizes and deadlines of the guarded fetcher, by the numbers of the hardening catalogue."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from imagegate.errors import InvalidRequest
from imagegate.upstream.fetch import FetchPolicy
from tests.support.waiting import until
from tests.upstream.lab import QUICK, Lab, Timer, read, refused
from tests.upstream.origin import Behaviour, Origin, drip, endless, head, picture, raw, slowly

URL = "http://good.test/"
CHUNKED = head(200, "Transfer-Encoding: chunked")


# B06: sizes


async def _swallowed(lab: Lab, behaviour: Behaviour, code: str, policy: FetchPolicy = QUICK) -> int:
    """Bytes that reached the consumer before the refusal."""
    got = 0
    async with Origin({"*": behaviour}) as origin:
        lab.serve(origin)
        with pytest.raises(InvalidRequest) as caught:
            async with lab.fetcher(policy).open(URL) as body:
                async for chunk in body.chunks():
                    got += len(chunk)
        assert caught.value.code == code
        await until(lambda: origin.open == 0, what="the connection is closed")
    return got


async def test_b06_an_endless_chunked_body_stops_at_the_cap() -> None:
    lab = Lab()
    policy = FetchPolicy(http=True, max_bytes=1024 * 1024)
    got = await _swallowed(lab, endless(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"), "image_too_large", policy)
    assert got <= policy.max_bytes
    assert lab.streams[0].bytes_read <= policy.max_bytes * 1.01 + 64 * 1024


async def test_b06_an_endless_body_of_unknown_length_stops_at_the_cap() -> None:
    lab = Lab()
    await _swallowed(lab, endless(head(200), b"x" * 4096), "image_too_large")
    assert lab.streams[0].bytes_read <= QUICK.max_bytes + 64 * 1024


async def test_b06_an_announced_length_above_the_cap_is_refused_at_once() -> None:
    lab = Lab()
    assert await _swallowed(lab, drip(head(200, "Content-Length: 10000000000"), b"", 1), "image_too_large") == 0


async def test_b06_exactly_the_cap_is_fine() -> None:
    async with Origin({"/fits": picture(b"x" * 4096), "/over": raw(head(200) + b"x" * 4097)}) as origin:
        lab = Lab()
        lab.serve(origin)
        assert len(await read(lab.fetcher(QUICK), "http://good.test/fits")) == 4096
        refusal = await refused(lab.fetcher(QUICK), "http://good.test/over", code="image_too_large")
        assert "4096 bytes" in refusal.message


async def test_b06_more_bytes_than_announced_are_not_read() -> None:
    async with Origin({"*": endless(head(200, "Content-Length: 10"), b"x" * 4096)}) as origin:
        lab = Lab()
        lab.serve(origin)
        assert await read(lab.fetcher(QUICK), URL) == b"x" * 10
        await until(lambda: origin.open == 0)


@pytest.mark.parametrize(
    "answer",
    [
        head(200, "Content-Length: 100") + b"x" * 99,
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
        CHUNKED + b"zz\r\nhello\r\n",
    ],
)
async def test_b06_a_body_that_breaks_off_is_an_error(answer: bytes) -> None:
    lab = Lab()
    await _swallowed(lab, raw(answer), "invalid_image_url")
    assert len(lab.denied) == 1
    assert lab.denied[0][1] == "good.test"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense" * 1000 + b"\r\n\r\n",
        b"<html>",
        head(101, "Upgrade: x"),
        head(200, "X: " + "x" * 200_000),
        head(200, "Content-Length: -1"),
        head(200, "Content-Length: 1", "Content-Length: 2"),
        head(200, "Transfer-Encoding: gzip, chunked"),
    ],
)
async def test_b06_nonsense_is_refused(answer: bytes) -> None:
    lab = Lab()
    await _swallowed(lab, raw(answer), "invalid_image_url")
    assert len(lab.denied[0][0]) <= 200


async def test_b06_a_body_in_crumbs_is_refused_and_blocks_nobody() -> None:
    lab, loop, worst = Lab(), asyncio.get_running_loop(), 0.0
    policy = FetchPolicy(http=True)
    fetching = asyncio.create_task(_swallowed(lab, endless(CHUNKED, b"1\r\nx\r\n" * 10_000), "invalid_image_url", policy))
    while not fetching.done():
        before = loop.time()
        await asyncio.sleep(0.005)
        worst = max(worst, loop.time() - before)
    assert await fetching < 4096
    assert worst < 0.1
    assert lab.denied == [("the origin cuts the body into crumbs", "good.test")]


async def test_b06_chunks_of_a_kibibyte_are_no_crumbs() -> None:
    body = CHUNKED + (b"400\r\n" + b"x" * 1024 + b"\r\n") * 5000 + b"0\r\n\r\n"
    async with Origin({"*": raw(body)}) as origin:
        lab = Lab()
        lab.serve(origin)
        assert len(await read(lab.fetcher(), URL)) == 5000 * 1024


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "br", "x", "identity, gzip", "GZIP"])
async def test_b06_encoded_bodies_are_refused_unread(coding: str) -> None:
    body = gzip.compress(gzip.compress(bytes(1024)))
    async with Origin({"*": picture(body, f"Content-Encoding: {coding}")}) as origin:
        lab = Lab()
        lab.serve(origin)
        await refused(lab.fetcher(), URL)
    assert lab.denied == [("the origin sent an encoded body", "good.test")]


async def test_b06_identity_is_no_encoding() -> None:
    async with Origin({"*": picture(b"x", "Content-Encoding: identity")}) as origin:
        lab = Lab()
        lab.serve(origin)
        assert await read(lab.fetcher(), URL) == b"x"


# B08: slow origins. Deadlines are tenths of seconds here.


@pytest.mark.parametrize(
    ("behaviour", "seconds"),
    [
        (drip(b"", b"", 1), QUICK.first_byte_seconds),
        (drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.02), QUICK.first_byte_seconds),
        (drip(b"", head(103, "Link: x"), 0.02), QUICK.first_byte_seconds),
        (drip(head(200), b"", 1), QUICK.rate_grace_seconds),
        (drip(head(200), b"x", 0.02), QUICK.rate_grace_seconds),
        (drip(CHUNKED, b"1;" + b"e" * 300 + b"\r\nx\r\n", 0.02), QUICK.rate_grace_seconds),
        (drip(head(200), b"x" * 30, 0.02), QUICK.total_seconds),
    ],
    ids=[
        "silence",
        "header drip",
        "informational answers",
        "silent body",
        "body drip",
        "chunk extensions",
        "above the rate but endless",
    ],
)
async def test_b08_slow_origins_are_dropped(behaviour: Behaviour, seconds: float) -> None:
    lab, timer = Lab(), Timer()
    await timer.of(_swallowed(lab, behaviour, "invalid_image_url"))
    assert seconds - 0.05 < timer.seconds < seconds + 0.6
    assert lab.denied == [("the origin is too slow", "good.test")]
    assert lab.streams[0].closed


async def test_b08_redirects_share_one_deadline() -> None:
    async with Origin({"*": slowly(head(302, "Location: /x", "Content-Length: 0"), 20, 0.1)}) as origin:
        lab, timer = Lab(), Timer()
        lab.serve(origin)
        await timer.of(refused(lab.fetcher(FetchPolicy(http=True, total_seconds=0.5)), URL))
        assert 0.4 < timer.seconds < 0.9
        assert len(origin.visits) > 1


async def test_b08_a_slow_consumer_is_not_a_slow_origin() -> None:
    async with Origin({"*": slowly(head(200, "Content-Length: 3000") + b"x" * 3000, 1000, 0.05)}) as origin:
        lab, got = Lab(), 0
        lab.serve(origin)
        async with lab.fetcher(QUICK).open(URL) as body:
            async for chunk in body.chunks():
                await asyncio.sleep(0.5)
                got += len(chunk)
        assert got == 3000


async def test_b08_a_slot_is_free_again_after_a_slow_origin() -> None:
    async with Origin({"/slow": drip(b"", b"", 1), "/": picture()}) as origin:
        lab = Lab()
        lab.serve(origin)
        fetcher = lab.fetcher(FetchPolicy(http=True, first_byte_seconds=0.1, max_parallel=1))
        await refused(fetcher, "http://good.test/slow")
        assert await read(fetcher, URL) == b"picture"
