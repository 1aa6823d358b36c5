"""The file under a spool: nameless, so that it goes away with its descriptor, also when the process is killed."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

_MOST_AT_ONCE = 512
"""Pieces in one system call; Linux takes 1,024 (IOV_MAX)."""


class SpoolFile:
    """An unlinked temporary file that is appended to and read at any offset. All methods block: call them in threads.

    It is made with the first append, in ``directory`` (None: the system's). A close that comes while another thread still
    reads or writes takes effect when that thread is done, because a closed descriptor's number soon belongs to another file.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._owner = ExitStack()
        self._descriptor: int | None = None
        self._users = 0
        self._closed = False

    def append(self, pieces: Sequence[bytes]) -> None:
        """Write at the end, as they are. Raises OSError when the disk is full, ValueError when the file is closed."""
        left = [memoryview(piece) for piece in pieces if piece]
        with self._in_use() as descriptor:
            while left:
                written = os.writev(descriptor, left[:_MOST_AT_ONCE])
                while left and written >= len(left[0]):
                    written -= len(left.pop(0))
                if written:
                    left[0] = left[0][written:]

    def read(self, start: int, length: int) -> bytes:
        """Exactly ``length`` bytes from offset ``start``. Raises OSError, ValueError when the file is closed."""
        with self._in_use() as descriptor:
            data = os.pread(descriptor, length, start)
        if len(data) != length:
            raise OSError(errno.EIO, "a temporary file is shorter than what was written to it")
        return data

    def close(self) -> None:
        """Free the file. May be called again."""
        with self._lock:
            self._closed = True
            self._free_if_unused()

    @contextmanager
    def _in_use(self) -> Iterator[int]:
        with self._lock:
            if self._closed:
                raise ValueError("the temporary file is closed")
            descriptor = self._open() if self._descriptor is None else self._descriptor
            self._descriptor = descriptor
            self._users += 1
        try:
            yield descriptor
        finally:
            with self._lock:
                self._users -= 1
                self._free_if_unused()

    def _open(self) -> int:
        if self._directory is not None:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._owner.enter_context(tempfile.TemporaryFile(dir=self._directory, buffering=0)).fileno()

    def _free_if_unused(self) -> None:
        if self._closed and not self._users:
            self._owner.close()
