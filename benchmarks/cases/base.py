"""What a case is: a row of a table. A family is a table: the same kind of measurement with other numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.gateways import OURS, PEERS
from benchmarks.gateways.base import Gateway
from benchmarks.lab import Endpoint, Failed, Lab

EVERYONE = (*OURS, *PEERS)
Values = Mapping[str, float]
"""What one measurement of one gateway says, by metric."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One kind of number. ``compare``: what is told beside it, a ratio to other gateways or the difference to no gateway."""

    key: str
    title: str
    compare: Literal["ratio", "difference", "none"] = "none"
    digits: int = 3


@dataclass(frozen=True, slots=True)
class Case:
    """``name``: in options, results and targets. ``gateways``: who is measured, in the full form.

    ``measure``: runs it once on one gateway; raises Failed. ``short``: part of the short form too, for ``short_gateways``.
    ``rounds``: at most so many. ``needs``: says why the case cannot run at all at present, or None. ``cost``: seconds for one
    gateway, about; it is left out when less is left.
    """

    name: str
    title: str
    measure: Callable[[Lab, Gateway], Values]
    gateways: Sequence[str] = EVERYONE
    short: bool = False
    short_gateways: Sequence[str] = OURS
    rounds: int = 99
    needs: Callable[[], str | None] = lambda: None
    cost: float = 5.0


@dataclass(frozen=True, slots=True)
class Family:
    """A table: its cases are rows, its metrics columns or tables of their own. ``about``: a sentence above it."""

    name: str
    title: str
    about: str
    metrics: Sequence[Metric]
    cases: Sequence[Case] = field(default_factory=tuple)


RATE = Metric("rps", "requests/s", "ratio")
CPU = Metric("cpu", "CPU seconds for 1,000 requests", digits=2)
PEAK = Metric("peak_mb", "peak memory, MB")
P50 = Metric("p50_ms", "median latency, ms")


@dataclass(slots=True)
class Usage:
    """What a gateway used while a block ran; zeros where there is no process."""

    has_process: bool
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0

    def values(self, requests: int) -> dict[str, float]:
        """As metrics; nothing where there is no process."""
        return {"cpu": self.cpu_seconds / requests * 1000, "peak_mb": self.peak_mb} if self.has_process else {}


@contextmanager
def metered(endpoint: Endpoint) -> Iterator[Usage]:
    """CPU time and peak memory of a gateway, filled in at the end of the block."""
    process = endpoint.process
    usage = Usage(process is not None)
    if process is None:
        yield usage
        return
    process.reset_peak()
    before = process.cpu_seconds()
    yield usage
    usage.cpu_seconds = process.cpu_seconds() - before
    usage.peak_mb = process.peak()


def enough(good: int, bad: int) -> None:
    """A run counts when something was answered and at most one in a hundred failed. Raises Failed."""
    if good == 0 or bad > good / 100:
        raise Failed(f"{bad} of {good + bad} requests failed")
