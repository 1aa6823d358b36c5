"""Runs inside the container, without a shell: what the process may do there. Prints a line for each thing that holds."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

UID = 10001
IMAGE = ("/", "/opt/imagegate", "/etc", "/var/tmp")  # noqa: S108 - the folder is what is checked
WRITABLE = {"/data", "/tmp"}  # noqa: S108 - the folder is what is checked
KERNEL = {"/dev", "/proc", "/sys"}
"""Not files of the image. Docker gives every container a small /dev/shm."""


def main() -> None:
    server = _status(1)
    own = os.getuid(), os.getgid()
    holds(own == (UID, UID) and server["Uid"].split() == [str(UID)] * 4, f"server runs as user {UID}, not as root")
    holds(int(server["CapBnd"], 16) == 0 and int(server["CapEff"], 16) == 0, "server has no capability and can get none")
    holds(server["NoNewPrivs"] == "1", "server cannot gain privileges")
    taken = [place for place in IMAGE if _can_write(Path(place))]
    holds(not taken and _is_read_only(Path("/")), "root file system is read-only, writing fails", taken)
    found = set(_writable(Path("/")))
    holds(found == WRITABLE and all(_can_write(Path(place)) for place in WRITABLE), "only /data and /tmp can be written", found)


def holds(it_does: bool, what: str, found: object = None) -> None:
    if not it_does:
        sys.exit(f"does not hold: {what} ({found})")
    sys.stdout.write(what + "\n")


def _status(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _is_read_only(place: Path) -> bool:
    return bool(os.statvfs(place).f_flag & os.ST_RDONLY)


def _can_write(folder: Path) -> bool:
    probe = folder / ".smoke"
    try:
        probe.write_bytes(b"x")
    except OSError:
        return False
    probe.unlink()
    return True


def _writable(top: Path) -> Iterator[str]:
    """Each folder that this user may write, without what is below it."""
    for folder, below, _ in os.walk(top):
        if folder in KERNEL:
            below.clear()
        elif os.access(folder, os.W_OK):
            below.clear()
            yield folder


if __name__ == "__main__":
    main()
