from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagegate.media.spool_file import SpoolFile
from tests.media.spooling import open_files


@contextmanager
def made(directory: Path) -> Iterator[SpoolFile]:
    file = SpoolFile(directory)
    try:
        yield file
    finally:
        file.close()


def test_appends_and_reads_anywhere(tmp_path: Path) -> None:
    with made(tmp_path) as file:
        file.append([b"abc"])
        file.append([b"de", b"", b"fgh"])
        assert (file.read(0, 8), file.read(2, 3), file.read(8, 0)) == (b"abcdefgh", b"cde", b"")
        with pytest.raises(OSError, match="shorter"):
            file.read(5, 4)


def test_as_many_pieces_as_there_are(tmp_path: Path) -> None:
    pieces = [bytes([number % 256]) * (number % 7) for number in range(5000)]
    with made(tmp_path) as file:
        file.append(pieces)
        whole = b"".join(pieces)
        assert file.read(0, len(whole)) == whole


def test_has_no_name_and_goes_with_its_descriptor(tmp_path: Path) -> None:
    with made(tmp_path) as file:
        file.append([b"abc"])
        assert (open_files(tmp_path), list(tmp_path.iterdir())) == (1, [])
    assert open_files(tmp_path) == 0


def test_the_directory_is_made_for_us_alone_with_the_first_byte(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "spool"
    with made(directory) as file:
        assert not directory.exists()
        file.append([b"abc"])
        assert directory.stat().st_mode & 0o777 == 0o700


def test_a_closed_file_takes_and_gives_nothing(tmp_path: Path) -> None:
    with made(tmp_path) as file:
        file.append([b"abc"])
        file.close()
        file.close()
        with pytest.raises(ValueError, match="closed"):
            file.read(0, 1)
        with pytest.raises(ValueError, match="closed"):
            file.append([b"d"])
    assert open_files(tmp_path) == 0


def test_a_file_closed_before_its_first_byte_is_never_made(tmp_path: Path) -> None:
    file = SpoolFile(tmp_path / "spool")
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.append([b"abc"])
    assert list(tmp_path.iterdir()) == []


def test_close_waits_for_no_writer_but_the_file_goes_when_it_is_done(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(fifo, os.O_WRONLY)

    class Slow(SpoolFile):
        """Its file is a pipe, which blocks a writer when it is full."""

        def _open(self) -> int:
            self._owner.callback(os.close, writing)
            return writing

    file = Slow(None)
    data = bytes(1_000_000)
    writer = threading.Thread(target=file.append, args=[[data[:10], data[10:]]], daemon=True)
    writer.start()
    assert _received(reading)
    file.close()
    os.fstat(writing)
    rest = len(data) - 1
    while rest:
        rest -= len(_received(reading, rest))
    writer.join(5)
    os.close(reading)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(writing)


def _received(descriptor: int, length: int = 1) -> bytes:
    assert select.select([descriptor], [], [], 5)[0]
    data = os.read(descriptor, min(length, 65_536))
    assert data, "the writer's end was closed"
    return data
