"""Cut-through reading of Server-Sent Events whose ``data`` is JSON with a picture in it.

Frames as in the HTML standard (https://html.spec.whatwg.org/multipage/server-sent-events.html): lines end in LF, CR or CRLF,
comments begin with a colon, several ``data`` lines make one text, a blank line ends the event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imagegate.upstream.jsonstream import CargoScanner, CargoStart, InvalidJson, ObjectEnd

_DATA = b"data"
_DONE = b"[DONE]"
_LINE_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class EventCargo:
    """A picture begins inside an event. ``name`` is the ``event`` field so far; ``skeleton`` the JSON before the picture."""

    name: str
    skeleton: bytes


@dataclass(frozen=True, slots=True)
class EventEnd:
    """An event is complete. ``fields``: its JSON without cargo, or None for ``[DONE]``; ``name`` may be empty."""

    name: str
    fields: Any


EventToken = EventCargo | bytes | EventEnd


class EventScanner:
    """Splits an event stream into cargo and small events. ``keys``, ``limit`` and ``InvalidJson`` as in ``CargoScanner``."""

    def __init__(self, keys: frozenset[str], limit: int = 1024 * 1024) -> None:
        self._keys = keys
        self._limit = limit
        self._name = ""
        self._line = bytearray()
        self._in_data = False
        self._data_lines = 0
        self._strip_space = False
        self._skip_lf = False
        self._scanner = CargoScanner(keys, limit)

    def feed(self, data: bytes) -> list[EventToken]:
        """Take the next piece of the stream; return what became known, in order."""
        if self._in_data and self._scanner.is_all_cargo(data):
            return [data]
        tokens: list[EventToken] = []
        position = 0
        while position < len(data):
            if self._skip_lf:
                self._skip_lf = False
                if data[position] == 0x0A:
                    position += 1
                    continue
            end, is_break = _line_end(data, position)
            piece = data if position == 0 and end == len(data) else data[position:end]
            self._take(piece, tokens)
            if is_break:
                self._skip_lf = data[end] == 0x0D
                self._end_line(tokens)
                end += 1
            position = end
        return tokens

    def close(self) -> list[EventToken]:
        """The stream ended; an event without its blank line still counts."""
        tokens: list[EventToken] = []
        if self._in_data or self._line:
            self._end_line(tokens)
        self._end_event(tokens)
        return tokens

    def _take(self, piece: bytes, tokens: list[EventToken]) -> None:
        if self._in_data:
            self._take_data(piece, tokens)
            return
        self._line += piece
        if self._line.startswith(b"data:"):
            rest = bytes(self._line[5:])
            self._line.clear()
            self._in_data, self._strip_space = True, True
            self._data_lines += 1
            if self._data_lines > 1 and not self._scanner.in_cargo:
                self._scanner.feed(b"\n")
            self._take_data(rest, tokens)
        elif len(self._line) > _LINE_LIMIT:
            raise InvalidJson("a line of the event stream is too long")

    def _take_data(self, piece: bytes, tokens: list[EventToken]) -> None:
        if not piece:
            return
        if self._strip_space:
            self._strip_space = False
            piece = piece.removeprefix(b" ")
        for token in self._scanner.feed(piece):
            if isinstance(token, bytes):
                tokens.append(token)
            elif isinstance(token, CargoStart):
                tokens.append(EventCargo(self._name, token.skeleton))
            else:
                _ignore(token)

    def _end_line(self, tokens: list[EventToken]) -> None:
        if self._in_data:
            self._in_data = False
            return
        line = bytes(self._line)
        self._line.clear()
        if not line:
            self._end_event(tokens)
        elif line.startswith(b"event:"):
            self._name = line[6:].strip().decode("utf-8", "replace")
        elif line == _DATA:
            self._data_lines += 1

    def _end_event(self, tokens: list[EventToken]) -> None:
        if self._data_lines:
            done = self._scanner.skeleton.strip() == _DONE
            tokens.append(EventEnd(self._name, None if done else self._scanner.close()))
        self._name, self._data_lines = "", 0
        self._scanner = CargoScanner(self._keys, self._limit)


def _ignore(_: ObjectEnd) -> None:
    """An event's fields come whole with its end."""


def _line_end(data: bytes, position: int) -> tuple[int, bool]:
    lf = data.find(b"\n", position)
    cr = data.find(b"\r", position, len(data) if lf < 0 else lf)
    end = cr if cr >= 0 else lf
    return (len(data), False) if end < 0 else (end, True)
