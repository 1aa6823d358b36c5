"""What the harness knows of a gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.install import Toolbox

KEY = "sk-bench-0123456789abcdef"
"""The key that clients send to every gateway that checks one."""
UPSTREAM_KEY = "sk-upstream-0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process is started: ``folder`` is its own, empty, and goes away with the run."""

    stub_port: int
    port: int
    folder: Path

    @property
    def stub(self) -> str:
        """The origin of the stub."""
        return f"http://127.0.0.1:{self.stub_port}"


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start it. ``env``: beside the bare environment."""

    argv: Sequence[str]
    env: Mapping[str, str]


class Gateway(Protocol):
    """One column of the tables."""

    @property
    def name(self) -> str:
        """In options and results."""
        ...

    @property
    def title(self) -> str:
        """In tables."""
        ...

    def prepare(self, tools: Toolbox) -> str:
        """Install it where needed; its version. Raises Unavailable."""
        ...

    def launch(self, place: Place) -> Launch | None:
        """Write its configuration and say how to start it; None: there is no process, calls go to the stub itself."""
        ...

    def headers(self, stub_port: int) -> Mapping[str, str]:
        """What each request to it carries."""
        ...
