"""How soon the first picture is answered, and what the process holds when it has nothing to do."""

from __future__ import annotations

from benchmarks.cases.base import Case, Family, Metric, Values
from benchmarks.cases.memory import PROCESSES, settled
from benchmarks.gateways.base import Gateway
from benchmarks.lab import Lab


def family() -> Family:
    """One row."""
    return Family(
        "startup",
        "Start and idle",
        "From starting the process to the end of the first picture (4 KB, status 200) that came through it.",
        (
            Metric("start_s", "start to first 200, s"),
            Metric("idle_mb", "idle memory, MB"),
            Metric("cpu_s", "CPU seconds of the start"),
        ),
        [Case("startup", "start", _measure, PROCESSES, short=True, short_gateways=("nginx", "imagegate"), cost=10)],
    )


def _measure(lab: Lab, gateway: Gateway) -> Values:
    with lab.fresh(gateway) as endpoint:
        assert endpoint.process is not None  # PROCESSES
        cpu = endpoint.process.cpu_seconds()
        return {"start_s": endpoint.started, "idle_mb": settled(endpoint), "cpu_s": cpu}
