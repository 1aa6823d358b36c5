"""Bytes and pictures that are held in memory, in place of spooled ones."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from imagegate.domain.images import InputImage


@dataclass(frozen=True, slots=True)
class HeldContent:
    """Implements ``Content``; hands its bytes on in pieces of ``piece`` bytes."""

    data: bytes
    piece: int = 256 * 1024

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    async def sha256(self) -> str:
        """Hex digest of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from the start."""
        for start in range(0, len(self.data), self.piece):
            yield self.data[start : start + self.piece]

    async def read(self) -> bytes:
        """All bytes."""
        return self.data


def held_image(data: bytes, filename: str = "image.png", media_type: str = "image/png", piece: int = 256 * 1024) -> InputImage:
    """An input picture around bytes that need not be one."""
    return InputImage(HeldContent(data, piece), media_type, filename)
