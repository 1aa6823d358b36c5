"""Our own load generator (native/many.c): the time of each answer's head, first event and end."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.calls import Call


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. Times in ms since its request was begun; ``first_event_ms`` None: no event came. ``status`` 0: not answered."""

    status: int
    head_ms: float
    first_event_ms: float | None
    end_ms: float
    bytes: int
    events: int

    def good(self, call: Call) -> bool:
        """A success with every picture in it."""
        partials = call.answer.partials
        events = self.events == partials + 1 if partials else True
        return self.status == 200 and self.bytes >= call.answer.least_bytes and events


@dataclass(frozen=True, slots=True)
class ManyResult:
    """``seconds``: from the first request to the last answer."""

    replies: Sequence[Reply]
    seconds: float


@dataclass(frozen=True, slots=True)
class Load:
    """``requests`` on each of ``connections``, none begun after ``seconds``; ``together``: each waits for all others first."""

    connections: int
    requests: int = 1
    seconds: float = 60
    together: bool = False
    timeout: float = 90


def many(command: str, port: int, call: Call, load: Load, *, core: int, folder: Path) -> ManyResult:
    """One run on one core."""
    request = folder / "many-request"
    request.write_bytes(call.raw(port))
    numbers = [load.connections, load.requests, load.seconds, int(load.together), load.timeout]
    done = subprocess.run(
        ["taskset", "-c", str(core), command, str(port), str(request), *map(str, numbers)],
        capture_output=True,
        text=True,
        timeout=load.timeout + 60,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    *lines, wall = done.stdout.splitlines()
    return ManyResult([_reply(line) for line in lines], max(int(wall.split()[1]), 1) / 1e6)


def _reply(line: str) -> Reply:
    status, head, first, end, size, events = map(int, line.split())
    return Reply(status, head / 1e3, first / 1e3 if first >= 0 else None, end / 1e3, size, events)
