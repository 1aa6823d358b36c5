"""The answer to an image request: JSON, or an event stream, written from the same events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import anyio
from sse_starlette import EventSourceResponse
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from imagegate.api.client_watch import ClientWatch, DetachedWork
from imagegate.api.errors import ErrorWriter
from imagegate.api.openai.wire import Wire, comment
from imagegate.domain.events import CompletedImage, ImageEvent, PartialImage, Progress
from imagegate.errors import GatewayError
from imagegate.relay.relay import Report

_NEVER = 0
"""sse-starlette's own ping is off: it could land in the middle of a frame; the heartbeat is ours."""


@dataclass(frozen=True, slots=True)
class AnswerPolicy:
    """``heartbeat``: seconds of silence before a comment. ``drain``: seconds that a stream may go on after SIGTERM."""

    heartbeat: float
    drain: float
    detached: DetachedWork
    errors: ErrorWriter


class ImageAnswer(Response):
    """Runs the events and writes them. Headers are sent when the first picture, an error, or the first heartbeat is due.

    ``on_error`` is told what failed, also after the headers have gone.
    """

    def __init__(
        self,
        events: AsyncGenerator[ImageEvent],
        wire: Wire,
        report: Report,
        policy: AnswerPolicy,
        on_error: Callable[[GatewayError], None],
        on_end: Callable[[], Awaitable[None]],
    ) -> None:
        self.background = None
        self._events = events
        self._wire = wire
        self._report = report
        self._policy = policy
        self._on_error = on_error
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a client that left is nobody's error."""
        watch = ClientWatch(receive, lambda: self._report.dispatched, self._policy.detached)
        write = self._write_stream if self._wire.request.stream else self._write_json
        try:
            async with watch, aclosing(self._events):
                await write(scope, send)
        except asyncio.CancelledError:
            if not watch.left:
                raise
        finally:
            await self._on_end()

    async def _write_json(self, scope: Scope, send: Send) -> None:
        pieces = self._wire.json(self._events)
        async with aclosing(pieces):
            try:
                first = await anext(pieces)
            except GatewayError as error:
                await self._refuse(error, scope, send)
                return
            await send(self._start("application/json"))
            await send(_body(first, last=self._wire.finished))
            try:
                async for piece in pieces:
                    await send(_body(piece, last=self._wire.finished))
            except GatewayError as error:
                self._on_error(error)  # the headers are out: an unfinished body is what tells the client

    async def _write_stream(self, scope: Scope, send: Send) -> None:
        first = asyncio.ensure_future(_skip_to_image(self._events))
        try:
            await asyncio.wait({first}, timeout=self._policy.heartbeat)
            if first.done() and (error := first.exception()) is not None:
                if not isinstance(error, GatewayError):
                    raise error
                await self._refuse(error, scope, send)
                return
            response = EventSourceResponse(
                self._frames(first),
                headers=dict(self._told()),
                ping=_NEVER,
                sep="\n",
                shutdown_event=anyio.Event(),
                shutdown_grace_period=self._policy.drain,
            )
            await response(scope, _never, send)
        finally:
            if not first.done():
                first.cancel()
                await asyncio.wait({first})

    async def _frames(self, first: asyncio.Future[ImageEvent | None]) -> AsyncGenerator[bytes]:
        if not first.done():
            yield comment("waiting for the first picture")
        events = _with_heartbeat(first, self._events, self._policy.heartbeat)
        async with aclosing(events), aclosing(self._wire.frames(events)) as frames:
            try:
                async for frame in frames:
                    yield frame
            except GatewayError as error:
                self._on_error(error)
                if not self._wire.error_told:
                    yield self._policy.errors.event(error)

    async def _refuse(self, error: GatewayError, scope: Scope, send: Send) -> None:
        self._on_error(error)
        await self._policy.errors.response(error)(scope, _never, send)

    def _start(self, media_type: str) -> Message:
        pairs = [("content-type", media_type), ("cache-control", "no-store"), *self._told()]
        return {
            "type": "http.response.start",
            "status": 200,
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in pairs],
        }

    def _told(self) -> list[tuple[str, str]]:
        report = self._report
        pairs = [("x-imagegate-model", report.model), ("x-imagegate-attempts", str(max(report.attempts, 1)))]
        if report.channel:
            pairs.append(("x-imagegate-channel", report.channel))
        if dropped := (*report.left_out, *report.dropped):
            pairs.append(("x-imagegate-dropped-params", ",".join(dropped)))
        pairs.extend((f"x-imagegate-{name.replace('_', '-')}", value) for name, value in report.mapped.items())
        return [(name, value.encode("ascii", "replace").decode()) for name, value in pairs]


async def _with_heartbeat(
    first: asyncio.Future[ImageEvent | None], events: AsyncIterator[ImageEvent], interval: float
) -> AsyncGenerator[ImageEvent]:
    """The events, and a Progress whenever none came for ``interval`` seconds; never in the middle of a picture."""
    pending = first
    try:
        while True:
            while not (await asyncio.wait({pending}, timeout=interval))[0]:
                yield Progress("still working")
            event = pending.result()
            if event is None:
                return
            yield event
            pending = asyncio.ensure_future(anext(events, None))
    finally:
        if not pending.done():
            pending.cancel()
            await asyncio.wait({pending})


async def _skip_to_image(events: AsyncIterator[ImageEvent]) -> ImageEvent | None:
    """The first event that carries a picture; progress before the headers has nowhere to go."""
    async for event in events:
        if isinstance(event, (PartialImage, CompletedImage)):
            return event
    return None


def _body(piece: bytes, *, last: bool = False) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": not last}


async def _never() -> Message:
    """A ``receive`` for inner responses: the client watch owns the real one."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable: nothing sets the event")
