"""The answer as it is sent: when the headers go, what a failure becomes, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import pytest
from starlette.types import Message

from imagegate.api.client_watch import DetachedWork
from imagegate.api.errors import ErrorWriter
from imagegate.api.openai.answer import AnswerPolicy, ImageAnswer
from imagegate.api.openai.wire import Wire
from imagegate.domain.events import CompletedImage, Finished, ImageBytes, ImageEvent, PartialImage, Progress, Usage, held
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import BadResponse, GatewayError, RateLimited, Unavailable
from imagegate.relay.relay import Report
from tests.relay.scripted import PNG
from tests.support.waiting import until

USAGE = Finished(Usage(1, 2, 3))
GONE: Message = {"type": "http.disconnect"}
Step = ImageEvent | Exception | float


class Exchange:
    """One answer and its client. ``sent``: messages with their times; ``errors``, ``ended``: what was told at the end."""

    def __init__(
        self,
        script: Sequence[Step],
        *,
        stream: bool = False,
        heartbeat: float = 5.0,
        finish: float = 5.0,
        report: Report | None = None,
    ) -> None:
        self.sent: list[Message] = []
        self.errors: list[GatewayError] = []
        self.ended = 0
        self.closed = 0
        self.done = False
        self._script = script
        self._leave = asyncio.Event()
        self.detached = DetachedWork(finish)
        wire = Wire(ImageRequest(Operation.GENERATE, "m", "a cat", stream=stream), Operation.GENERATE, created=5)
        policy = AnswerPolicy(heartbeat, 5.0, self.detached, ErrorWriter())
        self.report = report or Report("m", channel="one", attempts=1, dispatched=True)
        self.answer = ImageAnswer(self._events(), wire, self.report, policy, self.errors.append, self._end)

    async def run(self) -> None:
        """Answer to the end."""
        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        await self.answer(scope, self._receive, self._send)

    def leave(self) -> None:
        """The client closes its connection."""
        self._leave.set()

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def whole(self) -> bool:
        """Whether the body was said to be complete."""
        return not self.sent[-1].get("more_body", False)

    async def _events(self) -> AsyncGenerator[ImageEvent]:
        try:
            for step in self._script:
                if isinstance(step, float):
                    await asyncio.sleep(step)
                elif isinstance(step, Exception):
                    raise step
                else:
                    yield step
            self.done = True
        finally:
            self.closed += 1

    async def _receive(self) -> Message:
        await self._leave.wait()
        return GONE

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
        await asyncio.sleep(0)

    async def _end(self) -> None:
        self.ended += 1


def picture() -> CompletedImage:
    return CompletedImage(held(PNG))


def breaking() -> CompletedImage:
    """A picture that is cut after its beginning."""

    async def chunks() -> AsyncIterator[bytes]:
        yield PNG[:80]
        raise BadResponse("The provider's answer was cut short.")

    return CompletedImage(ImageBytes(chunks()))


def events_of(body: bytes) -> list[tuple[str, Any]]:
    """SSE events and comments."""
    seen: list[tuple[str, Any]] = []
    for block in body.decode().split("\n\n")[:-1]:
        if block.startswith(":"):
            seen.append(("comment", block))
            continue
        name, data = block.split("\n")
        seen.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return seen


async def ran(script: Sequence[Step], **given: Any) -> Exchange:
    """A finished exchange that has given everything back."""
    exchange = Exchange(script, **given)
    before = ours()
    await exchange.run()
    assert (exchange.ended, exchange.closed) == (1, 1)
    await until(lambda: ours() <= before)
    return exchange


def ours() -> set[asyncio.Task[Any]]:
    """The loop's tasks, but for the one with which sse-starlette waits for the end of the server."""
    return {task for task in asyncio.all_tasks() if "shutdown_watcher" not in repr(task.get_coro())}


class TestJson:
    async def test_pictures_and_what_the_relay_did(self) -> None:
        report = Report("m", ("api_base",), "one", attempts=2, dropped=("style",), mapped={"size": "1x1->2x2"})
        exchange = await ran([Progress("x"), picture(), USAGE], report=report)
        assert exchange.status == 200
        assert exchange.headers == {
            "content-type": "application/json",
            "cache-control": "no-store",
            "x-imagegate-model": "m",
            "x-imagegate-attempts": "2",
            "x-imagegate-channel": "one",
            "x-imagegate-dropped-params": "api_base,style",
            "x-imagegate-size": "1x1->2x2",
        }
        document = json.loads(exchange.body)
        assert [item["b64_json"] for item in document["data"]] == [PNG.decode()]
        assert document["usage"]["total_tokens"] == 3
        assert exchange.whole
        assert exchange.errors == []

    async def test_the_headers_wait_for_the_first_picture(self) -> None:
        exchange = Exchange([Progress("x"), 0.05, picture(), 30.0])
        task = asyncio.create_task(exchange.run())
        await asyncio.sleep(0.02)
        assert exchange.sent == []
        await until(lambda: len(exchange.sent) >= 2)
        assert PNG[:64] in exchange.body, "and the picture leaves before the next event is there"
        task.cancel()
        await asyncio.wait({task})
        assert (exchange.closed, exchange.ended) == (1, 1)

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("before", [[], [Progress("queued")], [0.02]])
    async def test_a_failure_before_it_is_a_plain_error(self, before: list[Step], stream: bool) -> None:
        exchange = await ran([*before, RateLimited("Slow down.", retry_after=2)], stream=stream)
        assert exchange.status == 429
        assert exchange.headers["content-type"] == "application/json"
        assert exchange.headers["retry-after"] == "2"
        assert json.loads(exchange.body)["error"]["message"] == "Slow down."
        assert [error.message for error in exchange.errors] == ["Slow down."]

    @pytest.mark.parametrize("script", [[picture, Unavailable("gone")], [breaking]])
    async def test_a_failure_after_it_leaves_the_body_unfinished(self, script: list[Any]) -> None:
        exchange = await ran([step() if callable(step) else step for step in script])
        assert exchange.status == 200
        assert not exchange.whole
        with pytest.raises(json.JSONDecodeError):
            json.loads(exchange.body)
        assert len(exchange.errors) == 1

    @pytest.mark.parametrize("stream", [False, True])
    async def test_an_unforeseen_failure_is_raised_for_the_frame(self, stream: bool) -> None:
        exchange = Exchange([ZeroDivisionError()], stream=stream)
        with pytest.raises(ZeroDivisionError):
            await exchange.run()
        assert exchange.sent == []
        assert (exchange.ended, exchange.closed) == (1, 1)


class TestStream:
    async def test_events_and_what_the_relay_did(self) -> None:
        exchange = await ran([Progress("queued"), PartialImage(held(PNG)), picture(), USAGE], stream=True)
        assert exchange.status == 200
        assert exchange.headers["content-type"].startswith("text/event-stream")
        assert exchange.headers["x-imagegate-channel"] == "one"
        assert [name for name, _ in events_of(exchange.body)] == ["image_generation.partial_image", "image_generation.completed"]
        assert events_of(exchange.body)[1][1]["usage"]["total_tokens"] == 3
        assert exchange.whole

    async def test_silence_is_filled_with_comments_from_the_first_heartbeat_on(self) -> None:
        exchange = await ran([0.12, PartialImage(held(PNG)), 0.12, picture(), USAGE], stream=True, heartbeat=0.05)
        names = [name for name, _ in events_of(exchange.body)]
        pictures_at = [number for number, name in enumerate(names) if name != "comment"]
        assert len(pictures_at) == 2
        assert pictures_at[0] >= 2, "while the first picture is awaited"
        assert pictures_at[1] - pictures_at[0] >= 2, "and between two"

    async def test_without_silence_there_is_no_comment(self) -> None:
        exchange = await ran([0.02, picture(), USAGE], stream=True)
        assert [name for name, _ in events_of(exchange.body)] == ["image_generation.completed"]

    @pytest.mark.parametrize("before", [[PartialImage], [0.12]])
    async def test_a_failure_after_the_headers_is_one_error_event(self, before: list[Any]) -> None:
        script = [step(held(PNG)) if callable(step) else step for step in before]
        exchange = await ran([*script, Unavailable("All gone.")], stream=True, heartbeat=0.05)
        seen = [event for event in events_of(exchange.body) if event[0] != "comment"]
        assert exchange.status == 200
        assert [name for name, _ in seen].count("error") == 1
        assert seen[-1][1]["error"]["message"] == "All gone."
        assert [error.message for error in exchange.errors] == ["All gone."]
        assert exchange.whole

    async def test_a_picture_that_breaks_off_is_told_once(self) -> None:
        exchange = await ran([breaking()], stream=True)
        assert exchange.body.count(b"cut short") == 1
        assert len(exchange.errors) == 1


@pytest.mark.parametrize("stream", [False, True])
class TestClientGone:
    async def test_a_paid_result_is_read_to_its_end(self, stream: bool) -> None:
        exchange = Exchange([0.05, picture(), 0.05, USAGE], stream=stream)
        exchange.leave()
        await exchange.run()
        assert exchange.done
        assert (exchange.ended, exchange.closed, exchange.detached.running) == (1, 1, 0)

    @pytest.mark.parametrize(("dispatched", "finish"), [(False, 5.0), (True, 0.03), (True, 0.0)])
    async def test_everything_else_is_given_up_quietly(self, stream: bool, dispatched: bool, finish: float) -> None:
        exchange = Exchange([30.0, picture()], stream=stream, finish=finish, report=Report("m", dispatched=dispatched))
        exchange.leave()
        await asyncio.wait_for(exchange.run(), 5)
        assert exchange.sent == []
        assert (exchange.ended, exchange.closed, exchange.detached.running) == (1, 1, 0)

    async def test_in_the_middle_of_the_answer_too(self, stream: bool) -> None:
        exchange = Exchange([picture(), 30.0], stream=stream, finish=0.0)
        task = asyncio.create_task(exchange.run())
        await until(lambda: PNG[:64] in exchange.body)
        exchange.leave()
        await asyncio.wait_for(task, 5)
        assert (exchange.ended, exchange.closed) == (1, 1)

    async def test_a_server_that_stops_the_request_is_obeyed(self, stream: bool) -> None:
        exchange = Exchange([30.0], stream=stream)
        task = asyncio.create_task(exchange.run())
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (exchange.ended, exchange.closed) == (1, 1)
