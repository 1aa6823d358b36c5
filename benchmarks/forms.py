"""How long a run takes: the full form for the documentation, the short one for daily use."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Form:
    """``rounds`` of every case, ``peer_rounds`` of them with other gateways. ``seconds``: one run of the load generator.

    ``side_seconds``: the same where a case is there for the curve and not for a target. ``limit``: seconds of the whole run.
    """

    name: str
    rounds: int
    peer_rounds: int
    seconds: int
    side_seconds: int
    stream_repeats: int
    limit: float

    @property
    def short(self) -> bool:
        """Whether this is the form for daily use."""
        return self.name == "short"


FULL = Form("full", rounds=3, peer_rounds=2, seconds=3, side_seconds=2, stream_repeats=3, limit=20 * 60)
SHORT = Form("short", rounds=2, peer_rounds=1, seconds=1, side_seconds=1, stream_repeats=1, limit=175)


@dataclass(slots=True)
class Budget:
    """What is left of the run's time."""

    seconds: float
    _begun: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Seconds."""
        return self.seconds - (time.monotonic() - self._begun)
