"""Base64 as it flows: text to bytes and back, piece by piece, never more than 256 KiB of work at a time (well under 1 ms).

Both alphabets of RFC 4648 are read, mixed too, and padding may be missing. Everything else is an error, line breaks included.
"""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

PIECE = 256 * 1024
"""Characters of text that are handled in one go; a multiple of 4."""

_RAW_PIECE = PIECE // 4 * 3
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


class Base64Decoder:
    """Decodes text that comes in pieces of any length. Raises ValueError at the first piece that cannot be base64."""

    def __init__(self) -> None:
        self._carry = b""
        self._padded = False

    def feed(self, piece: bytes) -> bytes:
        """The bytes that are complete with this piece; 0 to 3 characters wait for the next one."""
        text = self._carry + piece.translate(_TO_STANDARD)
        if self._padded and text:
            raise ValueError("base64 goes on after its padding")
        usable = len(text) // 4 * 4
        self._carry = text[usable:]
        return self._decode(text[:usable])

    def finish(self) -> bytes:
        """The last bytes, where padding was left out."""
        rest = self._carry.rstrip(b"=")
        if self._carry and len(rest) < 2:
            raise ValueError("base64 ends in the middle of a byte")
        self._carry = b""
        return self._decode(rest + b"=" * (-len(rest) % 4))

    def _decode(self, quads: bytes) -> bytes:
        padding = quads.find(b"=")
        if 0 <= padding < len(quads) - 2:
            raise ValueError("base64 goes on after its padding")
        self._padded = self._padded or padding >= 0
        try:
            return binascii.a2b_base64(quads, strict_mode=True)
        except binascii.Error as error:
            raise ValueError("not base64") from error


async def decode_stream(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Base64 text in pieces of any length as the bytes it stands for. Raises ValueError when it is not base64.

    Nothing is buffered but 0 to 3 characters. Closing the generator does not close ``chunks``.
    """
    decoder = Base64Decoder()
    async for chunk in chunks:
        for piece in _split(chunk, PIECE):
            if data := decoder.feed(piece):
                yield data
            if len(chunk) > PIECE:
                await asyncio.sleep(0)
    if data := decoder.finish():
        yield data


async def encode_stream(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Bytes in pieces of any length as base64 text without line breaks, padded at the end.

    Nothing is buffered but 0 to 2 bytes. Closing the generator does not close ``chunks``.
    """
    carry = b""
    async for chunk in chunks:
        for piece in _split(chunk, _RAW_PIECE):
            data = carry + piece
            usable = len(data) // 3 * 3
            carry = data[usable:]
            if usable:
                yield binascii.b2a_base64(data[:usable], newline=False)
            if len(chunk) > _RAW_PIECE:
                await asyncio.sleep(0)
    if carry:
        yield binascii.b2a_base64(carry, newline=False)


async def decode_text(text: str | bytes) -> bytes:
    """All bytes of a base64 text that is already held; above 256 KiB in a thread. Raises ValueError when it is not base64."""
    if len(text) <= PIECE:
        return _decode_all(text)
    return await asyncio.to_thread(_decode_all, text)


def _decode_all(text: str | bytes) -> bytes:
    """Piece by piece also in a thread, because binascii keeps the interpreter lock while it works."""
    decoder = Base64Decoder()
    decoded = [decoder.feed(piece.encode("ascii") if isinstance(piece, str) else piece) for piece in _slices(text)]
    return b"".join([*decoded, decoder.finish()])


def _slices(text: str | bytes) -> Iterator[str | bytes]:
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))


def _split(chunk: bytes, size: int) -> Iterator[bytes]:
    if len(chunk) <= size:
        yield chunk
        return
    view = memoryview(chunk)
    for start in range(0, len(chunk), size):
        yield bytes(view[start : start + size])
