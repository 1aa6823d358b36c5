"""Bytes of a request at rest: small ones in memory, large ones in a nameless file."""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from types import TracebackType

from imagegate.media.spool_budget import Allowance, SpoolBudget, upload_capacity
from imagegate.media.spool_file import SpoolFile

_MOST_PIECES = 512
"""Pieces that are collected at most: small ones weigh more than their bytes."""

HEAD = 64 * 1024
"""Bytes from the start that are kept in memory, for magic numbers and picture headers."""

IN_MEMORY = 256 * 1024
"""Bytes up to which a finished spool needs no file."""

BATCH = 512 * 1024
"""Bytes that are collected before a thread writes them."""

PIECE = 256 * 1024
"""Bytes of one read."""


class Spool:
    """A ``domain.images.Content`` in the making: one task writes and finishes, then any number may read at once.

    Made by ``Spools.new``. At most 640 KiB of it are in memory, however long it is.
    """

    def __init__(self, allowance: Allowance, file: SpoolFile) -> None:
        self._allowance = allowance
        self._file = file
        self._on_disk = False
        self._finished = False
        self._sha256: str | None = None
        self._head = bytearray()
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._held = b""
        self._size = 0
        self._closing: asyncio.Future[None] | None = None

    @property
    def size(self) -> int:
        """Length in bytes, so far."""
        return self._size

    @property
    def head(self) -> bytes:
        """The first 64 KiB, or as much as has come."""
        return bytes(self._head)

    async def sha256(self) -> str:
        """Hex digest of all bytes. Raises ValueError before ``finish``."""
        if self._sha256 is None:
            digest = hashlib.sha256()
            async with aclosing(self.chunks()) as chunks:
                async for chunk in chunks:
                    await asyncio.to_thread(digest.update, chunk)
            if not self._finished:
                raise ValueError("the spool is not finished")
            self._sha256 = digest.hexdigest()
        return self._sha256

    async def write(self, data: bytes) -> None:
        """Add bytes. Raises LimitExceeded or TooLarge when there is no room, ValueError when finished or closed."""
        if self._finished or self._closing is not None:
            raise ValueError("the spool takes no more bytes")
        self._allowance.take(len(data))
        self._size += len(data)
        if len(self._head) < HEAD:
            self._head += data[: HEAD - len(self._head)]
        self._pieces.append(data)
        self._waiting += len(data)
        if self._waiting >= BATCH or len(self._pieces) >= _MOST_PIECES:
            await self._flush()

    async def finish(self) -> None:
        """Everything is there; it can be read from now on. Raises LimitExceeded when the disk is full."""
        if self._finished:
            return
        if self._on_disk or self._size > IN_MEMORY:
            await self._flush()
        else:
            self._held, self._pieces = b"".join(self._pieces), []
        self._finished = True

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The bytes from the start, in pieces of at most 256 KiB. Raises ValueError when not finished, or closed."""
        for start in range(0, self._size, PIECE):
            yield await self._read(start, min(PIECE, self._size - start))

    async def read(self) -> bytes:
        """All bytes at once. Raises as ``chunks``."""
        return await self._read(0, self._size)

    async def beginning(self, length: int) -> bytes:
        """The first ``length`` bytes, or all when there are fewer. Raises as ``chunks``."""
        return await self._read(0, min(length, self._size))

    async def ending(self, length: int) -> bytes:
        """The last ``length`` bytes, or all when there are fewer. Raises as ``chunks``."""
        count = min(length, self._size)
        return await self._read(self._size - count, count)

    def close(self) -> asyncio.Future[None]:
        """Free memory and file; may be called again. It happens also when nobody awaits the answer."""
        if self._closing is None:
            self._held, self._pieces = b"", []
            self._allowance.give_back(self._size)
            loop = asyncio.get_running_loop()
            if self._on_disk:
                self._closing = loop.run_in_executor(None, self._file.close)
            else:
                self._closing = loop.create_future()
                self._closing.set_result(None)
        return asyncio.shield(self._closing)

    async def _read(self, start: int, length: int) -> bytes:
        if not self._finished or self._closing is not None:
            raise ValueError("the spool is not finished, or closed")
        if not self._on_disk:
            return self._held[start : start + length]
        return await asyncio.to_thread(self._file.read, start, length)

    async def _flush(self) -> None:
        batch, self._pieces, self._waiting = self._pieces, [], 0
        self._on_disk = True
        try:
            await asyncio.to_thread(self._file.append, batch)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise upload_capacity() from error
            raise


class Spools:
    """All spools of one request. As an async context manager it closes them at the end, also on cancellation."""

    def __init__(self, budget: SpoolBudget, directory: Path | None = None) -> None:
        self._allowance = Allowance(budget)
        self._directory = directory
        self._open: list[Spool] = []
        self._closed = False

    @property
    def capacity(self) -> int:
        """Bytes that the server has for all uploads together."""
        return self._allowance.limit

    def new(self) -> Spool:
        """A fresh, empty spool. Raises ValueError after ``close_all``."""
        if self._closed:
            raise ValueError("the request's spools are closed")
        spool = Spool(self._allowance, SpoolFile(self._directory))
        self._open.append(spool)
        return spool

    def reserve(self, size: int) -> None:
        """Hold room for ``size`` bytes before they come. Raises LimitExceeded or TooLarge."""
        self._allowance.reserve(size)

    def trim(self) -> None:
        """Hold no more room than the spools take; for when everything has come."""
        self._allowance.trim()

    async def close_all(self) -> None:
        """Free every spool and all room that is held. May be called again."""
        self._closed = True
        # All are begun before the first await: a cancellation in between then changes nothing.
        closing = [spool.close() for spool in self._open]
        self._open.clear()
        self._allowance.trim()
        await asyncio.gather(*closing)

    async def __aenter__(self) -> Spools:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close_all()


__all__ = ["BATCH", "HEAD", "IN_MEMORY", "PIECE", "Spool", "SpoolBudget", "Spools"]
