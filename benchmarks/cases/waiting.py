"""Requests that wait long for their picture, as all of them do: are they all answered, and what does one cost?"""

from __future__ import annotations

from statistics import median

from benchmarks import calls
from benchmarks.answers import Answer
from benchmarks.cases.base import EVERYONE, Case, Family, Metric, Values
from benchmarks.cases.memory import settled
from benchmarks.gateways.base import Gateway
from benchmarks.lab import Failed, Lab
from benchmarks.load.many import Load

REQUESTS = 1000
_DELAY_MS = 5000


def family() -> Family:
    """1,000 requests at once, each answered after five seconds."""
    case = Case(
        f"waiting-{REQUESTS}",
        f"{REQUESTS:,} requests",
        _measure,
        EVERYONE,
        short=True,
        short_gateways=("imagegate",),
        rounds=2,
        cost=15,
    )
    return Family(
        "waiting",
        "Waiting requests",
        f"{REQUESTS:,} requests sent at once to a new process; the upstream answers each after {_DELAY_MS // 1000} s.",
        (
            Metric("answered", "answered", digits=4),
            Metric("median_s", "median time, s"),
            Metric("last_s", "last answer, s"),
            Metric("growth_mb", "growth of memory, MB"),
            Metric("cpu_s", "CPU seconds"),
        ),
        [case],
    )


def _measure(lab: Lab, gateway: Gateway) -> Values:
    call = calls.generation(Answer(delay=_DELAY_MS))
    with lab.fresh(gateway) as endpoint:
        process, used = endpoint.process, {}
        before = settled(endpoint)
        cpu = process.cpu_seconds() if process else 0.0
        result = lab.many(endpoint, call, Load(REQUESTS, timeout=60))
        if process:
            used = {"growth_mb": process.peak() - before, "cpu_s": process.cpu_seconds() - cpu}
    times = [reply.end_ms / 1000 for reply in result.replies if reply.good(call)]
    if not times:
        raise Failed("no request was answered")
    return {"answered": len(times), "median_s": median(times), "last_s": max(times), **used}
