"""Spools for tests, and a look at the files they hold open."""

from __future__ import annotations

from pathlib import Path

from imagegate.media.spool import Spool, Spools


async def spooled(spools: Spools, data: bytes, step: int = 100_000) -> Spool:
    """A finished spool of ``data``, written ``step`` bytes at a time."""
    spool = spools.new()
    for start in range(0, len(data), step):
        await spool.write(data[start : start + step])
    await spool.finish()
    return spool


def open_files(directory: Path) -> int:
    """How many files below ``directory`` this process has open, nameless ones too."""
    links = [_target(descriptor) for descriptor in Path("/proc/self/fd").iterdir()]
    return sum(link.startswith(str(directory)) for link in links)


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""
