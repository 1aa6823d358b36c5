"""How a simulator's answer leaves: in pieces, at a pace, cut or reset, with the times at which the kernel took each piece."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

import orjson

from tests.support.raw_server import set_reset_on_close

_SLICE = 256 * 1024


class Ending(Enum):
    """How an answer ends: as it should, with the connection closed too early (FIN), or with it reset (RST)."""

    CLEAN = "clean"
    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a body, such as one SSE frame. ``pause``: seconds before it. ``label``: its name in ``Delivery.marks``."""

    data: bytes
    pause: float = 0.0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``delay``: seconds before its head. ``cut_after``: bytes of the body after which ``ending`` happens at once.

    ``length``: the Content-Length to announce; None sends the body chunked. An ending that is not CLEAN needs no ``cut_after``:
    it then happens where the body's end would be.
    """

    status: int = 200
    pieces: Iterable[Piece] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    delay: float = 0.0
    ending: Ending = Ending.CLEAN
    cut_after: int | None = None

    @classmethod
    def raw(
        cls, body: bytes, content_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Self:
        """A body with its type and length; ``more``: other fields of Reply."""
        named = {"content-type": content_type, **(headers or {})}
        return cls(status, [Piece(body)], named, **{"length": len(body), **more})

    @classmethod
    def json(cls, document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None, **more: Any) -> Self:
        """A JSON body; ``more``: other fields of Reply."""
        return cls.raw(orjson.dumps(document), "application/json", status=status, headers=headers, **more)

    @classmethod
    def silence(cls) -> Self:
        """No answer at all until the client goes away."""
        return cls(delay=86_400)


@dataclass(frozen=True, slots=True)
class Mark:
    """One piece on ``time.monotonic()``: before its first byte, and after the kernel took its last."""

    label: str
    started_at: float
    sent_at: float


@dataclass(slots=True)
class Delivery:
    """When an answer left, on ``time.monotonic()``. ``last_byte_at``: the kernel took the last byte of the body."""

    marks: list[Mark] = field(default_factory=list)
    body_bytes: int = 0
    first_byte_at: float | None = None
    last_byte_at: float | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """Send ``chunk_bytes``, wait ``seconds``, and so on."""

    chunk_bytes: int = _SLICE
    seconds: float = 0.0


async def deliver(reply: Reply, pace: Pace, delivery: Delivery, transport: asyncio.Transport, send: Any) -> None:
    """Send ``reply`` over ASGI. Each ``send`` waits for the kernel, because the transport may not buffer."""
    transport.set_write_buffer_limits(high=0)
    headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
    if reply.length is not None:
        headers.append((b"content-length", str(reply.length).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    async for piece in _cut(reply.pieces, reply.cut_after):
        started = time.monotonic()
        delivery.first_byte_at = delivery.first_byte_at or started
        for start in range(0, len(piece.data), pace.chunk_bytes):
            if start and pace.seconds:
                await asyncio.sleep(pace.seconds)
            chunk = piece.data[start : start + pace.chunk_bytes]
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            delivery.body_bytes += len(chunk)
        await send({"type": "http.response.body", "body": b"", "more_body": True})  # waits for the chunk before it
        delivery.marks.append(Mark(piece.label, started, time.monotonic()))
    delivery.last_byte_at = time.monotonic()
    if reply.ending is Ending.CLEAN:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    else:
        await _break_off(transport, reset=reply.ending is Ending.RESET)


async def _cut(pieces: Iterable[Piece], limit: int | None) -> AsyncIterator[Piece]:
    left = limit
    for piece in pieces:
        await asyncio.sleep(piece.pause)
        if left is None:
            yield piece
            continue
        yield Piece(piece.data[:left], label=piece.label)
        left -= len(piece.data)
        if left <= 0:
            return


async def _break_off(transport: asyncio.Transport, *, reset: bool) -> None:
    await asyncio.sleep(0.02)  # a reset that comes at once may overtake what was sent
    if reset:
        set_reset_on_close(transport.get_extra_info("socket"))
        transport.abort()
    else:
        transport.close()
    await asyncio.sleep(0)  # lets uvicorn notice, which would otherwise complain about the missing end
