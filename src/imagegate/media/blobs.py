"""Finished pictures at rest, for ``response_format: url``: a protocol and its local disk."""

from __future__ import annotations

import asyncio
import base64
import errno
import re
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from imagegate.media import blobfiles
from imagegate.media.sniff import extension as extension_of

PIECE = 256 * 1024
"""Bytes of one read or write."""

HEAD = 4096
"""Bytes from the start that tell the media type."""

GRACE = 60.0
"""Seconds that an expired file stays, so that a download begun in time can end."""

ABANDONED = 3600.0
"""Seconds without a write after which an unfinished file counts as left behind."""

SWEEP_FILES = 10_000
RECLAIM_SECONDS = 10.0

_ID = re.compile(r"[a-z2-7]{32}")
_EXTENSION = re.compile(r"[a-z0-9]{1,8}")

P = ParamSpec("P")
T = TypeVar("T")


class StorageFull(OSError):
    """No room is left under the configured limit. An OSError, so that a full disk and a full limit are one case to a caller."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(errno.ENOSPC, f"picture storage is at its limit of {max_bytes} bytes")


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A picture in store. ``id``: 160 random bits as 32 characters a-z, 2-7. ``size`` in bytes, ``modified`` in Unix seconds."""

    id: str
    extension: str
    media_type: str
    size: int
    modified: float


class OpenBlob(Protocol):
    """A picture that can be read, also in part and several times. Holds nothing open, so needs no closing."""

    @property
    def stored(self) -> StoredBlob:
        """What is known of it."""
        ...

    def chunks(self, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """Bytes ``start`` to ``stop`` (exclusive; None is the end) in pieces of at most 256 KiB."""
        ...


class BlobStore(Protocol):
    """Where pictures live until they expire. Raises OSError when the store itself fails."""

    async def put(self, chunks: AsyncIterator[bytes]) -> StoredBlob:
        """Keep a picture. Raises ValueError when it is none that we know, StorageFull when there is no room."""
        ...

    async def open(self, id: str, extension: str) -> OpenBlob | None:
        """The picture; None when there is none of that name, also for names that no picture can have."""
        ...

    async def delete(self, id: str, extension: str) -> bool:
        """Remove a picture; whether it was there."""
        ...

    async def sweep(self) -> int:
        """Delete some of what has expired; how many files. Call it every minute or so."""
        ...


@dataclass(frozen=True, slots=True)
class LocalBlob:
    """A picture on disk; every piece opens the file anew, so a reader that leaves has nothing to give back."""

    stored: StoredBlob
    path: Path

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """Bytes ``start`` to ``stop``; raises OSError when the file is gone or shorter than it was."""
        end = self.stored.size if stop is None else min(stop, self.stored.size)
        while start < end:
            data = await asyncio.to_thread(blobfiles.read, self.path, start, min(PIECE, end - start))
            if not data:
                raise OSError(errno.EIO, "picture file became shorter while it was read")
            start += len(data)
            yield data


class LocalBlobs:
    """Pictures in a directory that several worker processes may share.

    ``ttl``: seconds until a picture expires. ``max_bytes``: what all pictures together may take; each process counts for
    itself between two rounds of sweeping, so with several workers the limit is soft. When it is reached, whatever has expired
    is deleted (at most every 10 s), and if that is not enough a put raises StorageFull: nothing that has a valid link is
    ever pushed out. ``sniff``: media type of a file's first bytes, or None. ``clock``: Unix seconds.
    """

    def __init__(
        self,
        root: Path,
        *,
        ttl: float,
        max_bytes: int,
        sniff: Callable[[bytes], str | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._root = root
        self._ttl = ttl
        self._max_bytes = max_bytes
        self._sniff = sniff
        self._clock = clock
        self._walking = asyncio.Lock()
        self._stored: dict[str, int] | None = None
        self._unfinished = 0
        self._swept_to = ""
        self._reclaimed_at = float("-inf")

    async def put(self, chunks: AsyncIterator[bytes]) -> StoredBlob:
        """Keep a picture; at most 256 KiB and one chunk are in memory. A failed or cancelled put leaves nothing behind."""
        async with aclosing(_batches(chunks)) as batches:
            first = await anext(batches, b"")
            media_type = self._sniff(first[:HEAD])
            if media_type is None:
                raise ValueError("the first bytes are not those of a picture")
            id = base64.b32encode(secrets.token_bytes(20)).decode("ascii").lower()
            extension = extension_of(media_type)
            size, modified = await self._write(f"{id}.{extension}", first, batches)
        return StoredBlob(id, extension, media_type, size, modified)

    async def open(self, id: str, extension: str) -> LocalBlob | None:
        """The picture, its media type read from its own bytes."""
        path = self._path(id, extension)
        return None if path is None else await asyncio.to_thread(self._open, path, id, extension)

    async def delete(self, id: str, extension: str) -> bool:
        """Remove a picture; whether it was there. Its room is counted as free from the next sweep of its shard on."""
        path = self._path(id, extension)
        return path is not None and await _to_the_end(blobfiles.discard, path)

    async def sweep(self) -> int:
        """Delete expired pictures among the next 10,000 or so, and files that a crash left unfinished; how many."""
        async with self._walking:
            deleted = await self._measure() if self._stored is None else await self._sweep_on(self._stored)
            abandoned = self._clock() - ABANDONED
            return deleted + await _to_the_end(blobfiles.visit_temporary, self._root, abandoned)

    async def _sweep_on(self, stored: dict[str, int]) -> int:
        found = await _to_the_end(self._visit, self._swept_to, SWEEP_FILES)
        self._swept_to = found.last
        stored.update(found.kept)
        return found.deleted

    async def _write(self, name: str, first: bytes, rest: AsyncIterator[bytes]) -> tuple[int, float]:
        temporary = blobfiles.temporary_path(self._root, name)
        size = 0
        try:
            await self._claim(len(first))
            size = len(first)
            await _to_the_end(blobfiles.append, temporary, first)
            async for data in rest:
                await self._claim(len(data))
                size += len(data)
                await _to_the_end(blobfiles.append, temporary, data)
            modified = self._clock()
            await _to_the_end(blobfiles.publish, temporary, blobfiles.final_path(self._root, name), modified)
            self._count(name[:2], size)
        except BaseException:
            await _to_the_end(blobfiles.discard, temporary)
            raise
        finally:
            self._unfinished -= size
        return size, modified

    async def _claim(self, size: int) -> None:
        if self._used() + size > self._max_bytes:
            await self._reclaim()
        if self._used() + size > self._max_bytes:
            raise StorageFull(self._max_bytes)
        self._unfinished += size

    def _used(self) -> float:
        return float("inf") if self._stored is None else self._unfinished + sum(self._stored.values())

    def _count(self, shard: str, size: int) -> None:
        if self._stored is not None:
            self._stored[shard] = self._stored.get(shard, 0) + size

    async def _reclaim(self) -> None:
        async with self._walking:
            if self._stored is None or self._clock() - self._reclaimed_at >= RECLAIM_SECONDS:
                await self._measure()

    async def _measure(self) -> int:
        found = await _to_the_end(self._visit, "", None)
        self._stored = found.kept
        self._reclaimed_at = self._clock()
        return found.deleted

    def _visit(self, after: str, limit: int | None) -> blobfiles.Visit:
        expired = self._clock() - self._ttl - GRACE
        return blobfiles.visit(self._root, after=after, older_than=expired, limit=limit)

    def _path(self, id: str, extension: str) -> Path | None:
        """None for a name that is not ours: nothing that came in a request reaches the file system unchecked."""
        if _ID.fullmatch(id) is None or _EXTENSION.fullmatch(extension) is None:
            return None
        return blobfiles.final_path(self._root, f"{id}.{extension}")

    def _open(self, path: Path, id: str, extension: str) -> LocalBlob | None:
        try:
            status = path.stat()
            media_type = self._sniff(blobfiles.read(path, 0, HEAD))
        except FileNotFoundError:
            return None
        if media_type is None:
            return None
        return LocalBlob(StoredBlob(id, extension, media_type, status.st_size, status.st_mtime), path)


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The same bytes in pieces of 256 KiB or one chunk more; only the last piece is shorter."""
    held = bytearray()
    async for chunk in chunks:
        if not held and len(chunk) >= PIECE:
            yield chunk
            continue
        held += chunk
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


async def _to_the_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """``asyncio.to_thread``, but a cancelled caller leaves only when the thread is done: cleaning up must come last."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
