"""Cut-through reading of JSON that carries a picture.

The scanner takes a JSON text in pieces of any size. The long base64 strings (the *cargo*, recognised by their key) come out
as they arrive, unparsed; everything else is kept as a small *skeleton* with empty strings in their place, which is parsed
when the object around the cargo closes, and once more as a whole at the end. A 20 MB picture costs one network read of memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

_NEXT_BRACE = re.compile(rb'(?:[^"{}]++|"(?:[^"\\]++|\\.)*+")*+([{}]?)', re.DOTALL)
"""Runs over whole strings and everything else up to a brace, a string that has not ended yet, or the end of the text."""
_OVERLAP = 160
"""Bytes of a key, its colon and the spaces around it, which may have come in two pieces."""
_SIMPLE_ESCAPES = {b"/": b"/", b"n": b"", b"r": b"", b"t": b""}
_ESCAPE_LENGTH = 2
_UNICODE_LENGTH = 6


class InvalidJson(ValueError):
    """The text is not JSON, is cut short, or its small part is too large."""


@dataclass(frozen=True, slots=True)
class CargoStart:
    """A cargo string begins; its pieces follow as bytes. ``skeleton``: the text of the enclosing object up to here."""

    skeleton: bytes


@dataclass(frozen=True, slots=True)
class ObjectEnd:
    """The object that held the cargo closed. ``fields``: its content, with an empty string in place of the cargo."""

    fields: dict[str, Any]


Token = CargoStart | bytes | ObjectEnd


class CargoScanner:
    """Splits one JSON document into cargo and skeleton.

    ``keys``: names of the string fields that are cargo. ``limit``: the most bytes of skeleton that are kept.
    Raises ``InvalidJson`` from ``feed`` and ``close``.

    A key is found by searching for its text: in valid JSON the bytes ``"key":"`` stand nowhere else, because a quote inside a
    string has a backslash before it. Braces are looked at only to tell the object around a cargo.
    """

    def __init__(self, keys: frozenset[str], limit: int = 1024 * 1024) -> None:
        self._key = _key_pattern(keys)
        self._limit = limit
        self._skeleton = bytearray()
        self._objects: list[tuple[int, bool]] = []
        self._holding = 0
        self._looked = 0
        self._searched = 0
        self._in_cargo = False
        self._cargo_begun = False
        self._escape = b""

    @property
    def in_cargo(self) -> bool:
        """Whether the next byte belongs to a cargo string."""
        return self._in_cargo

    def is_all_cargo(self, data: bytes) -> bool:
        """Whether the next piece is the middle of a cargo and nothing else, as nearly all pieces are: nothing to take apart."""
        return self._in_cargo and self._cargo_begun and not self._escape and _is_plain(data)

    @property
    def skeleton(self) -> bytes:
        """The small part seen so far."""
        return bytes(self._skeleton)

    def feed(self, data: bytes) -> list[Token]:
        """Take the next piece of the text; return what became known, in order."""
        if self.is_all_cargo(data):
            return [data]
        tokens: list[Token] = []
        position = 0
        while position < len(data):
            read = self._read_cargo if self._in_cargo else self._read_skeleton
            position = read(data, position, tokens)
        return tokens

    def close(self) -> Any:
        """The document ended: its skeleton, parsed."""
        if self._in_cargo:
            raise InvalidJson("the JSON text ends early")
        return _parse(self._skeleton)

    def _read_skeleton(self, data: bytes, position: int, tokens: list[Token]) -> int:
        skeleton, before = self._skeleton, len(self._skeleton)
        skeleton += data[position:] if position else data
        found = self._key.search(skeleton, max(self._searched, before - _OVERLAP))
        if found is not None:
            position = len(data) - (len(skeleton) - found.end())
            del skeleton[found.end() :]
            self._look_at_objects(found.start(), tokens)
            self._in_cargo, self._cargo_begun = True, False
        else:
            position = len(data)
            if self._holding:
                self._look_at_objects(len(skeleton), tokens, held=True)
        if len(skeleton) > self._limit:
            raise InvalidJson(f"more than {self._limit} bytes beside the pictures")
        return position

    def _look_at_objects(self, until: int, tokens: list[Token], *, held: bool = False) -> None:
        """Up to ``until``; ``held``: no further than the end of the objects that hold a cargo."""
        while found := _NEXT_BRACE.match(self._skeleton, self._looked, until):
            self._looked = found.end()
            brace = found[1]
            if brace == b"{":
                self._objects.append((self._looked - 1, False))
            elif brace == b"}":
                self._close_object(tokens)
                if held and not self._holding:
                    return
            else:
                return

    def _close_object(self, tokens: list[Token]) -> None:
        if not self._objects:
            raise InvalidJson("an object closes that was never opened")
        start, held_cargo = self._objects.pop()
        if held_cargo:
            self._holding -= 1
            tokens.append(ObjectEnd(_parse(self._skeleton[start : self._looked])))

    def _read_cargo(self, data: bytes, position: int, tokens: list[Token]) -> int:
        if self._escape:
            return self._read_escape(data, position, tokens)
        quote = data.find(b'"', position)
        end = len(data) if quote < 0 else quote
        backslash = data.find(b"\\", position, end)
        if backslash >= 0:
            self._emit(data[position:backslash], tokens)
            self._escape = b"\\"
            return backslash + 1
        self._emit(data if position == 0 and end == len(data) else data[position:end], tokens)
        if quote < 0:
            return end
        self._in_cargo = False
        self._skeleton += b'"'
        self._looked = self._searched = len(self._skeleton)
        return quote + 1

    def _read_escape(self, data: bytes, position: int, tokens: list[Token]) -> int:
        """Some encoders write ``\\/`` or ``\\u002b`` inside base64; line breaks in it are dropped."""
        self._escape += data[position : position + 1]
        wanted = _UNICODE_LENGTH if self._escape[1:2] == b"u" else _ESCAPE_LENGTH
        if len(self._escape) < wanted:
            return position + 1
        try:
            plain = _SIMPLE_ESCAPES.get(self._escape[1:]) if wanted == _ESCAPE_LENGTH else _unicode(self._escape[2:])
        except ValueError:
            plain = None
        if plain is None:
            raise InvalidJson("an escape in a picture that base64 cannot contain")
        self._escape = b""
        self._emit(plain, tokens)
        return position + 1

    def _emit(self, piece: bytes, tokens: list[Token]) -> None:
        if not piece:
            return
        if b"\n" in piece or b"\r" in piece:
            raise InvalidJson("a line break inside a picture's string")
        if not self._cargo_begun:
            self._cargo_begun = True
            start = self._objects[-1][0] if self._objects else 0
            if self._objects and not self._objects[-1][1]:
                self._objects[-1] = (start, True)
                self._holding += 1
            tokens.append(CargoStart(bytes(self._skeleton[start:])))
        tokens.append(piece)


def _is_plain(data: bytes) -> bool:
    """Whether a piece of a string's text is nothing but text."""
    return not (b'"' in data or b"\\" in data or b"\n" in data or b"\r" in data)


@lru_cache(maxsize=64)
def _key_pattern(keys: frozenset[str]) -> re.Pattern[bytes]:
    """A key, its colon, and the quote that opens its string."""
    names = "|".join(map(re.escape, sorted(keys)))
    return re.compile(rf'(?<!\\)"(?:{names})"\s{{0,32}}:\s{{0,32}}"'.encode())


def _unicode(digits: bytes) -> bytes | None:
    code = int(digits, 16)
    return bytes([code]) if 0x20 < code < 0x7F and code not in (0x22, 0x5C) else None


def _parse(text: bytes | bytearray) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidJson("the text is not JSON") from error
