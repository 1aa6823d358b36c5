"""The disk under ``LocalBlobs``: blocking functions for a worker thread, no state.

::

    root/ab/cd/abcd….png     a picture; its directories come and go with it
    root/tmp/abcd….png       one that is being written

Nothing is fsynced: a power cut may lose pictures, which live for an hour or so anyway.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TEMPORARY = "tmp"
_SHARD_LENGTH = 2


@dataclass(slots=True)
class Visit:
    """What a walk over some shards found. ``kept``: bytes that stay, by shard. ``last``: the shard it ended with."""

    kept: dict[str, int] = field(default_factory=dict)
    deleted: int = 0
    seen: int = 0
    last: str = ""


def final_path(root: Path, name: str) -> Path:
    """Where the file of this name lives; ``name`` begins with at least four characters of our own alphabet."""
    return root / name[:2] / name[2:4] / name


def temporary_path(root: Path, name: str) -> Path:
    """Where it is while it is being written."""
    return root / TEMPORARY / name


def append(path: Path, data: bytes) -> None:
    """Add ``data`` to a file that only we can read; made with its directory when it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
        file.write(data)


def publish(temporary: Path, final: Path, modified: float) -> None:
    """Give a finished file its name, atomically, with ``modified`` (Unix seconds) as its time."""
    os.utime(temporary, (modified, modified))
    for _ in range(3):
        # A sweep may remove the empty directories before the file is in them.
        with contextlib.suppress(FileNotFoundError):
            final.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(final)
            return
    raise FileNotFoundError(f"the directory of {final.name} does not stay")


def read(path: Path, start: int, length: int) -> bytes:
    """At most ``length`` bytes from offset ``start``; empty at the end of the file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.pread(descriptor, length, start)
    finally:
        os.close(descriptor)


def discard(path: Path) -> bool:
    """Delete a file; whether it was there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def visit(root: Path, *, after: str, older_than: float, limit: int | None) -> Visit:
    """Delete files last modified before ``older_than`` (Unix seconds), and directories that are empty.

    Goes through the shards in order from the one behind ``after`` and begins no further shard once ``limit`` files were
    seen (None: no limit). ``last`` is empty when the end was reached.
    """
    found = Visit()
    for shard in _shards(root):
        if shard <= after:
            continue
        if limit is not None and found.seen >= limit:
            return found
        _visit_shard(root / shard, older_than, found)
        found.last = shard
    found.last = ""
    return found


def visit_temporary(root: Path, older_than: float) -> int:
    """Delete unfinished files that nobody has written to since ``older_than`` (Unix seconds); how many."""
    unfinished = _entries(root / TEMPORARY)
    return sum(discard(Path(entry)) for entry in unfinished if _stat(entry, older_than) is None)


def _shards(root: Path) -> list[str]:
    return sorted(entry.name for entry in _entries(root) if len(entry.name) == _SHARD_LENGTH)


def _visit_shard(shard: Path, older_than: float, found: Visit) -> None:
    found.kept[shard.name] = sum(_visit_directory(Path(directory), older_than, found) for directory in _entries(shard))
    if not found.kept[shard.name]:
        _remove_if_empty(shard)


def _visit_directory(directory: Path, older_than: float, found: Visit) -> int:
    """Bytes that stay in it."""
    kept = 0
    for entry in _entries(directory):
        found.seen += 1
        size = _stat(entry, older_than)
        if size is None:
            found.deleted += discard(Path(entry))
        else:
            kept += size
    if not kept:
        _remove_if_empty(directory)
    return kept


def _entries(directory: Path) -> Iterator[os.DirEntry[str]]:
    """All at once, so that no directory stays open; a directory that is gone or none is empty."""
    try:
        with os.scandir(directory) as entries:
            return iter(list(entries))
    except (FileNotFoundError, NotADirectoryError):
        return iter(())


def _stat(entry: os.DirEntry[str], older_than: float) -> int | None:
    """The file's size, or None when it is old. One that is gone meanwhile counts nothing."""
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return 0
    return None if status.st_mtime < older_than else status.st_size


def _remove_if_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):
        directory.rmdir()
