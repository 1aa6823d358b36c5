"""No gateway at all: what the stub and the load generator reach by themselves."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.gateways.base import Launch, Place
from benchmarks.install import Toolbox


class Direct:
    """The stub itself."""

    name = "direct"
    title = "direct"

    def prepare(self, tools: Toolbox) -> str:
        """There is nothing to install."""
        return "–"

    def launch(self, place: Place) -> Launch | None:
        """There is no process."""
        return None

    def headers(self, stub_port: int) -> Mapping[str, str]:
        """Nothing is checked."""
        return {}
