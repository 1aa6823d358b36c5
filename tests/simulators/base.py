"""What all provider simulators share: recording, scripting, pacing, and a server of their own.

How to write one
----------------
Subclass ``Simulator`` in ``tests/simulators/<adapter>.py`` and give it ``routes``: path patterns and handlers. A handler takes
the ``Recorded`` request and returns a ``Reply``; it raises ``Refused`` to answer with an error from anywhere below. Check the
key, validate as the provider does, answer with its real shapes; keep jobs and files in plain dicts on the instance. Options
that tests turn (a picture, a number of polls) are public attributes. Everything else is already here::

    class AcmeSimulator(Simulator):
        def routes(self):
            return [("POST", "/v1/make", self.make)]

        async def make(self, request):
            return Reply.json({"picture": base64.b64encode(pictures.png()).decode()})

    with AcmeSimulator() as sim:
        sim.fail_next(503)
        ...                                   # drive the adapter, or the vendor's own SDK, against sim.url
        assert sim.calls == 1 and sim.requests[0].json["prompt"] == "a cat"

Then test it with the vendor's SDK in ``tests/simulators/test_<adapter>.py``: if the SDK is happy, the shape is right.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.routing import Route

from tests.simulators.delivery import Delivery, Ending, Mark, Pace, Piece, Reply, deliver
from tests.support import multipart
from tests.support.server import ServerThread

__all__ = ["Delivery", "Ending", "Handler", "Mark", "Pace", "Piece", "Recorded", "Refused", "Reply", "RouteRow", "Simulator"]


@dataclass(slots=True)
class Recorded:
    """One request. ``headers``: lower-case names. ``complete``: the whole body came. ``client_gone``: it left before the end.

    ``arrived_at`` and the times in ``delivery`` are on ``time.monotonic()``.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    path_params: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False
    client_gone: bool = False
    arrived_at: float = field(default_factory=time.monotonic)
    delivery: Delivery = field(default_factory=Delivery)

    @property
    def json(self) -> Any:
        """The body as JSON. Raises orjson.JSONDecodeError."""
        return orjson.loads(self.body)

    @property
    def is_form(self) -> bool:
        """Whether it says that it is multipart/form-data."""
        return self.headers.get("content-type", "").startswith("multipart/form-data")

    @property
    def parts(self) -> list[multipart.Part]:
        """The multipart parts in wire order. Raises ValueError when the framing is wrong."""
        return multipart.parse(self.headers.get("content-type", ""), self.body)

    @property
    def fields(self) -> dict[str, str]:
        """The text parts; the last of a name wins."""
        return {part.name: part.text for part in self.parts if part.filename is None}

    @property
    def files(self) -> list[multipart.Part]:
        """The file parts in wire order."""
        return [part for part in self.parts if part.filename is not None]


Handler = Callable[[Recorded], Awaitable[Reply]]
RouteRow = tuple[str, str, Handler]
"""Method, path pattern (Starlette's), handler."""


class Refused(Exception):
    """Raised by a handler to answer with ``reply`` at once."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class _Scripted:
    handler: Handler
    prefix: str


class Simulator:
    """Base of the provider simulators, and a context manager that serves them. See the module's text."""

    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        """Every request in order of arrival, also those without a route."""
        self.delay = 0.0
        """Seconds before every answer."""
        self._pace = Pace()
        self._held = False
        self._scripted: list[_Scripted] = []
        self._server = ServerThread(self._app())

    def routes(self) -> Sequence[RouteRow]:
        """The provider's endpoints."""
        raise NotImplementedError

    def not_found(self, request: Recorded) -> Reply:
        """The provider's answer to a path or method that it does not have."""
        return Reply.json({"error": f"no route {request.method} {request.path}"}, status=404)

    @property
    def url(self) -> str:
        """Origin without a trailing slash."""
        return self._server.url

    @property
    def calls(self) -> int:
        """How many POST requests came: what a provider would work, and charge, for."""
        return sum(request.method == "POST" for request in self.requests)

    @property
    def last_byte_sent_at(self) -> float | None:
        """When the kernel took the last body byte of the newest request's answer; None while it is on its way.

        A client in another thread may have that byte a moment before this says so: wait for it (``support.waiting``).
        """
        return self.requests[-1].delivery.last_byte_at

    @property
    def events_sent(self) -> list[Mark]:
        """The pieces of the newest request's answer that have a label (SSE events), with their times."""
        return [mark for mark in self.requests[-1].delivery.marks if mark.label]

    def fail_next(
        self,
        status: int,
        body: bytes | Mapping[str, Any] = b"",
        headers: Mapping[str, str] | None = None,
        *,
        times: int = 1,
        path: str = "",
    ) -> None:
        """Answer the next ``times`` requests whose path starts with ``path`` with this, a mapping as JSON."""
        if isinstance(body, bytes):
            self.script(Reply.raw(body, "text/plain", status=status, headers=headers), times=times, path=path)
        else:
            self.script(Reply.json(body, status=status, headers=headers), times=times, path=path)

    def script(self, behaviour: Reply | Handler, *, times: int = 1, path: str = "") -> None:
        """Give the next ``times`` requests whose path starts with ``path`` this reply or handler. First in, first out."""
        handler = behaviour if not isinstance(behaviour, Reply) else _always(behaviour)
        self._scripted += [_Scripted(handler, path)] * times

    def pace(self, chunk_bytes: int, seconds: float) -> None:
        """From now on send bodies in pieces of ``chunk_bytes`` with ``seconds`` between them."""
        self._pace = Pace(chunk_bytes, seconds)

    def hold(self) -> None:
        """Let requests wait, already recorded, until ``release``."""
        self._held = True

    def release(self) -> None:
        """Answer what waits."""
        self._held = False

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exit_: object) -> None:
        self._server.__exit__(*exit_)
        assert not self._server.failures, f"the simulator itself failed: {self._server.failures!r}"

    def _app(self) -> Starlette:
        rows = [Route(path, _Endpoint(self, handler), methods=[method]) for method, path, handler in self.routes()]
        return Starlette(routes=[*rows, Route("/{path:path}", _Endpoint(self, self._missing))])

    async def _missing(self, request: Recorded) -> Reply:
        return self.not_found(request)

    async def serve(self, handler: Handler, scope: Any, receive: Any, send: Any) -> None:
        """One request over ASGI: record it, answer it, stop when the client leaves."""
        request = _recorded(scope)
        self.requests.append(request)
        if not await _read_body(request, receive):
            return
        work = asyncio.create_task(self._answer(request, handler, scope, send))
        gone = asyncio.create_task(receive())
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            request.client_gone = not work.done() and request.delivery.last_byte_at is None
        finally:
            work.cancel()
            gone.cancel()
            outcomes = await asyncio.gather(work, gone, return_exceptions=True)
        if isinstance(outcomes[0], Exception):
            raise outcomes[0]

    async def _answer(self, request: Recorded, handler: Handler, scope: Any, send: Any) -> None:
        try:
            reply = await self._next_handler(request, handler)(request)
        except Refused as refused:
            reply = refused.reply
        await asyncio.sleep(self.delay + reply.delay)
        while self._held:
            await asyncio.sleep(0.002)
        await deliver(reply, self._pace, request.delivery, scope["state"]["transport"], send)

    def _next_handler(self, request: Recorded, otherwise: Handler) -> Handler:
        for scripted in self._scripted:
            if request.path.startswith(scripted.prefix):
                self._scripted.remove(scripted)
                return scripted.handler
        return otherwise


class _Endpoint:
    """A route's ASGI app."""

    def __init__(self, simulator: Simulator, handler: Handler) -> None:
        self._simulator = simulator
        self._handler = handler

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._simulator.serve(self._handler, scope, receive, send)


def _always(reply: Reply) -> Handler:
    async def handler(_: Recorded) -> Reply:
        return reply

    return handler


def _recorded(scope: Any) -> Recorded:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    return Recorded(scope["method"], scope["path"], query, headers, dict(scope.get("path_params", {})))


async def _read_body(request: Recorded, receive: Any) -> bool:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            request.client_gone = True
            return False
        body += message.get("body", b"")
        if not message.get("more_body", False):
            request.body, request.complete = bytes(body), True
            return True
