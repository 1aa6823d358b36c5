"""What one picture may cost, counted and not timed: memory held, tasks made, pieces sent, requests parsed.

These bounds are the guard against the common ways of becoming slow: parsing a body that carries a picture, joining chunks,
cutting them up again, a task per chunk.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from imagegate.app import create_app
from imagegate.upstream.jsonstream import CargoScanner
from tests.gateway.canned_provider import answer
from tests.support.gateway import KEY, gateway_settings, openai_channel

MIB = 1024 * 1024
PICTURE = 8 * MIB


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Base url of a provider of large pictures."""
    with provider_of(PICTURE) as url:
        yield url


@contextmanager
def provider_of(size: int) -> Iterator[str]:
    """Base url of a provider in another process, so that its memory does not count."""
    command = [sys.executable, "-m", "tests.gateway.canned_provider", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        process.stdin.close()


class Call:
    """One request straight into the application; the answer is counted and thrown away, as a socket would."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body: bytes | None = orjson.dumps(body)
        self.pieces: list[int] = []
        self.status = 0

    @property
    def scope(self) -> dict[str, Any]:
        headers = [(b"host", b"x"), (b"authorization", f"Bearer {KEY}".encode()), (b"content-type", b"application/json")]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/v1/images/generations",
            "raw_path": b"/v1/images/generations",
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }

    async def receive(self) -> dict[str, Any]:
        if self._body is None:
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message.get("body"):
            self.pieces.append(len(message["body"]))


@pytest.mark.parametrize("stream", [False, True])
async def test_an_8_mb_picture_is_never_held_joined_or_cut_small(provider: str, tmp_path: Path, stream: bool) -> None:
    app = create_app(gateway_settings(tmp_path, [openai_channel(provider, "k-0123456789abcdef", ["gpt-image-2"])]))
    asked = {"model": "gpt-image-2", "prompt": "a cat", "stream": stream}
    loop = asyncio.get_running_loop()
    made: Counter[str] = Counter()

    def counted(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
        made["tasks"] += 1
        return asyncio.Task(work, loop=loop, **more)

    async with app.router.lifespan_context(app):
        warm = Call(asked)
        await app(warm.scope, warm.receive, warm.send)
        loop.set_task_factory(counted)
        tracemalloc.start()
        try:
            call = Call(asked)
            await app(call.scope, call.receive, call.send)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            loop.set_task_factory(None)
    sent = sum(call.pieces)
    print(f"{'SSE' if stream else 'JSON'}: peak {peak / 1024:.0f} KiB, {made['tasks']} tasks, {len(call.pieces)} pieces")
    assert call.status == 200
    assert sent > PICTURE * 4 // 3
    assert peak < 1.5 * MIB, "the picture, or much of it, was held in memory"
    assert made["tasks"] <= 12, "a task for every chunk, or so"
    assert len(call.pieces) / (sent / MIB) <= 40, "chunks were cut up"


def test_small_fields_are_parsed_and_the_picture_is_not() -> None:
    """The scanner's skeleton of an 11 MB answer is a few hundred bytes."""

    body = answer(PICTURE).partition(b"\r\n\r\n")[2]
    scanner = CargoScanner(frozenset({"b64_json"}))
    tracemalloc.start()
    try:
        for start in range(0, len(body), 65536):
            scanner.feed(body[start : start + 65536])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(scanner.skeleton) < 300
    assert peak < MIB


async def test_a_small_answer_takes_few_steps(tmp_path: Path) -> None:
    """Calls of Python and C functions for one 4 KB answer: what a request costs beside the system's own work.

    They were 2,200 with every row of the catalog looked at, every string of an answer walked over and a timer for every read.
    """
    with provider_of(3 * 1024) as url:
        app = create_app(gateway_settings(tmp_path, [openai_channel(url, "k-0123456789abcdef", ["gpt-image-2"])]))
        async with app.router.lifespan_context(app):
            for _ in range(3):
                warm = Call({"model": "gpt-image-2", "prompt": "a cat"})
                await app(warm.scope, warm.receive, warm.send)
            steps: Counter[str] = Counter()
            call = Call({"model": "gpt-image-2", "prompt": "a cat"})
            sys.setprofile(lambda _, event, __: steps.update((event,)))
            try:
                await app(call.scope, call.receive, call.send)
            finally:
                sys.setprofile(None)
    total = steps["call"] + steps["c_call"]
    print(f"4 KB: {total} steps, {len(call.pieces)} pieces")
    assert call.status == 200
    assert 300 < total < 1_400, "a request takes more steps than it did, or is not counted"
    assert len(call.pieces) <= 2, "what is here already leaves in as few pieces as possible"
