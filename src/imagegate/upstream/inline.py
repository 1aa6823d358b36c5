"""JSON bodies with pictures in them, streamed: the base64 is made from the spool while it is sent.

An adapter puts ``InlineImage(image)`` where the provider wants base64 or a ``data:`` url. The rest of the body is small; the
length is known before anything is read, because base64 of n bytes has 4·⌈n/3⌉ characters (RFC 4648).
"""

from __future__ import annotations

import binascii
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson

from imagegate.domain.images import InputImage


@dataclass(frozen=True, slots=True)
class InlineImage:
    """Stands for a picture's base64 in a JSON body. ``as_url``: as ``data:<type>;base64,…``."""

    image: InputImage
    as_url: bool = False

    @property
    def prefix(self) -> bytes:
        """What stands before the base64."""
        return f"data:{self.image.media_type};base64,".encode() if self.as_url else b""

    @property
    def length(self) -> int:
        """Characters in the body, quotes not counted."""
        return len(self.prefix) + 4 * ((self.image.content.size + 2) // 3)


class JsonBody:
    """A JSON body ready for the wire: ``length`` in bytes, ``content`` (bytes when it holds no picture, else a stream)."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._pictures: list[InlineImage] = []
        self._mark = ""
        encoded = orjson.dumps(body, default=self._placeholder, option=orjson.OPT_PASSTHROUGH_DATACLASS)
        self._pieces = encoded.split(self._mark.encode()) if self._pictures else [encoded]
        self.length = sum(map(len, self._pieces)) + sum(picture.length for picture in self._pictures)

    @property
    def content(self) -> bytes | AsyncIterator[bytes]:
        """What to send."""
        return self._stream() if self._pictures else self._pieces[0]

    def _placeholder(self, value: Any) -> str:
        if not isinstance(value, InlineImage):
            raise TypeError(f"{type(value).__name__} has no place in a JSON body")
        self._pictures.append(value)
        self._mark = self._mark or f"@{secrets.token_hex(12)}@"
        return self._mark

    async def _stream(self) -> AsyncIterator[bytes]:
        yield self._pieces[0]
        for picture, piece in zip(self._pictures, self._pieces[1:], strict=True):
            if picture.prefix:
                yield picture.prefix
            async with aclosing(_base64(picture.image)) as chunks:
                async for chunk in chunks:
                    yield chunk
            yield piece


async def _base64(image: InputImage) -> AsyncGenerator[bytes]:
    rest = b""
    async for chunk in image.content.chunks():
        data = rest + chunk if rest else chunk
        whole = len(data) - len(data) % 3
        rest = data[whole:]
        yield binascii.b2a_base64(data[:whole], newline=False)
    if rest:
        yield binascii.b2a_base64(rest, newline=False)
