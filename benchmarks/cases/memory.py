"""How much memory a newly started gateway takes for many large pictures at once."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks import calls
from benchmarks.answers import MB, Answer
from benchmarks.calls import Call
from benchmarks.cases.base import Case, Family, Metric, Values, enough
from benchmarks.gateways.base import Gateway
from benchmarks.lab import Endpoint, Lab
from benchmarks.load.many import Load

PROCESSES = ("nginx", "imagegate", "litellm", "portkey")
_REQUESTS = 3
"""On each connection, so that what is kept too long shows."""


def family() -> Family:
    """Answers by number of connections, and uploads."""
    answers = [_case(f"memory-{n}x8mb", f"{n} answers of 8 MB", calls.generation(Answer(8 * MB)), n) for n in (1, 8, 32, 64)]
    form = calls.edit_form(Answer(), 4, 8 * MB)
    return Family(
        "memory",
        "Memory",
        f"A new process each time. Growth: peak resident memory during {_REQUESTS} such requests on each connection, less what "
        "it was before. nginx holds whole uploads in memory here (`client_body_buffer_size`).",
        (Metric("growth_mb", "growth, MB"), Metric("peak_mb", "peak, MB"), Metric("rps", "requests/s")),
        [*answers, _case("memory-edits-8x32mb", "8 edits of 4 × 8 MB", form, 8)],
    )


def settled(endpoint: Endpoint) -> float:
    """Resident memory, MB, once it has had a second for what follows its start."""
    time.sleep(1.0)
    return endpoint.process.resident() if endpoint.process else 0.0


def _case(name: str, title: str, call: Call, connections: int) -> Case:
    def measure(lab: Lab, gateway: Gateway) -> Values:
        with lab.fresh(gateway) as endpoint:
            assert endpoint.process is not None  # PROCESSES
            before = settled(endpoint)
            endpoint.process.reset_peak()
            result = lab.many(endpoint, call, Load(connections, requests=_REQUESTS, timeout=60))
            peak = endpoint.process.peak()
        good = sum(reply.good(call) for reply in result.replies)
        enough(good, len(result.replies) - good)
        return {"growth_mb": peak - before, "peak_mb": peak, "rps": good / result.seconds}

    wanted: Sequence[str] = PROCESSES if connections <= 32 else ("nginx", "imagegate")
    short = name in {"memory-32x8mb", "memory-edits-8x32mb"}
    return Case(name, title, measure, wanted, short, ("nginx", "imagegate"), rounds=2, cost=12)
