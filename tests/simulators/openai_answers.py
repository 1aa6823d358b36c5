"""What OpenAI's Images API answers: pictures, usage, the JSON body and the events.

Source: openai-python 3.52 (types/images_response, types/image_gen_*_event, types/image_edit_*_event).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import orjson

from tests.simulators.base import Piece
from tests.simulators.drawn import animated, drawn, vector
from tests.support import pictures


@dataclass(frozen=True, slots=True)
class Job:
    """An accepted request. ``event``: prefix of its event types. ``picture``, ``preview``: bytes to use instead of drawn ones."""

    fields: Mapping[str, Any]
    event: str = "image_generation"
    references: int = 0
    picture: bytes | None = None
    preview: bytes | None = None

    @property
    def n(self) -> int:
        """How many pictures."""
        return int(self.fields.get("n", 1))

    @property
    def format(self) -> str:
        """png, jpeg, webp, gif or svg."""
        return str(self.fields.get("output_format", "png"))

    @property
    def size(self) -> str:
        """WIDTHxHEIGHT, never auto."""
        return _stated(self.fields, "size", "1024x1024")

    def echo(self) -> dict[str, Any]:
        """What the answer repeats of the request; never ``auto``."""
        echoed = {
            "background": _stated(self.fields, "background", "opaque"),
            "output_format": self.format,
            "quality": _stated(self.fields, "quality", "medium"),
            "size": self.size,
        }
        identifier = self.fields.get("safety_identifier") or self.fields.get("user")
        return {**echoed, "safety_identifier": identifier} if identifier else echoed

    def usage(self, images: int) -> dict[str, Any]:
        """Tokens of ``images`` pictures; the numbers follow from the request."""
        text = len(str(self.fields.get("prompt", ""))) // 4 + 1
        seen, made = 100 * self.references, 272 * images
        return {
            "total_tokens": text + seen + made,
            "input_tokens": text + seen,
            "output_tokens": made,
            "input_tokens_details": {"text_tokens": text, "image_tokens": seen},
            "output_tokens_details": {"image_tokens": made, "text_tokens": 0},
        }

    def drawn(self, number: int, *, preview: bool = False) -> bytes:
        """Picture ``number`` from 0: a plain colour, each number another; previews are as large as their picture."""
        override = (self.preview or self.picture) if preview else self.picture
        if override is not None:
            return override
        if self.format == "svg":
            return vector(self.size)
        if self.format == "gif":
            return animated(self.size, int(self.fields.get("frame_count", 9)))
        kind: pictures.Format = "jpeg" if self.format == "jpeg" else "webp" if self.format == "webp" else "png"
        return drawn(self.size, number, kind, 0 if self.fields.get("background") == "transparent" else None, dark=preview)


@dataclass(slots=True)
class Streaming:
    """How event streams look and end; tests turn it.

    ``pause``: seconds before every event. ``partials``: previews of each picture, None for as many as asked.
    ``newline``: LF, CRLF or CR. ``comments``: a comment line before each event. ``done``: a last ``[DONE]``.
    ``error_after``, ``cut_after_events``: events after which an error frame comes, or the connection breaks.
    ``cut_inside``: it breaks in the middle of the next event instead. ``reset``: it breaks with RST instead of FIN.
    """

    pause: float = 0.0
    partials: int | None = None
    newline: bytes = b"\n"
    comments: bool = False
    done: bool = False
    error_after: int | None = None
    error: Mapping[str, Any] = field(
        default_factory=lambda: {
            "type": "server_error",
            "code": "server_error",
            "message": "The server had an error while processing your request.",
            "param": None,
        }
    )
    cut_after_events: int | None = None
    cut_inside: bool = False
    reset: bool = False


def body(job: Job, items: list[dict[str, Any]], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A whole answer; keys in the provider's order, with usage after the pictures."""
    created = {"created": int(time.time())}
    return {**created, **job.echo(), "data": items, **extra, "usage": job.usage(len(items))}


def items(job: Job, extra: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``data`` with base64 pictures."""
    return [{"b64_json": _b64(job.drawn(number)), **extra} for number in range(job.n)]


def events(job: Job, streaming: Streaming, extra: Mapping[str, Any]) -> Iterator[Piece]:
    """The frames of a stream: per picture its previews and then ``completed``. They end early where ``streaming`` says so."""
    for sent, (name, data) in enumerate(chain(_documents(job, streaming, extra), [("", {})])):
        if streaming.error_after == sent:
            yield _frame(streaming, "error", {"type": "error", "error": streaming.error})
            return
        if streaming.cut_after_events == sent:
            if streaming.cut_inside and name:
                yield _half(_frame(streaming, name, data))
            return
        if name:
            yield _frame(streaming, name, data)
    if streaming.done:
        yield Piece(b"data: [DONE]" + 2 * streaming.newline)


def _documents(job: Job, streaming: Streaming, extra: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    partials = int(job.fields.get("partial_images", 0)) if streaming.partials is None else streaming.partials
    for number in range(job.n):
        for index in range(partials):
            name = f"{job.event}.partial_image"
            preview = {"b64_json": _b64(job.drawn(number, preview=True)), "partial_image_index": index}
            yield name, {"type": name, **preview, "created_at": int(time.time()), **_without_user(job.echo()), **extra}
        name = f"{job.event}.completed"
        picture = {"b64_json": _b64(job.drawn(number)), "created_at": int(time.time())}
        yield name, {"type": name, **picture, **job.echo(), **extra, "usage": job.usage(1)}


def _frame(streaming: Streaming, name: str, data: Mapping[str, Any]) -> Piece:
    end = streaming.newline
    comment = b": still drawing" + end + end if streaming.comments else b""
    text = comment + b"event: " + name.encode() + end + b"data: " + orjson.dumps(data) + end + end
    return Piece(text, streaming.pause, name)


def _half(frame: Piece) -> Piece:
    return Piece(frame.data[: len(frame.data) // 2], frame.pause)


def _without_user(echo: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in echo.items() if name != "safety_identifier"}


def _stated(fields: Mapping[str, Any], name: str, otherwise: str) -> str:
    value = str(fields.get(name, "auto"))
    return otherwise if value == "auto" else value


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
