"""Requests per second and what they cost, measured in one of two ways."""

from __future__ import annotations

from statistics import median

from benchmarks.calls import Call
from benchmarks.cases.base import Values, enough, metered
from benchmarks.gateways.base import Gateway
from benchmarks.lab import Lab
from benchmarks.load.many import Load


def by_time(lab: Lab, gateway: Gateway, call: Call, *, connections: int, seconds: int) -> Values:
    """wrk, for answers that come fast: what is under way when the time is over is not counted."""
    endpoint = lab.shared(gateway)
    lab.warm(endpoint, call, connections)
    with metered(endpoint) as usage:
        result = lab.throughput(endpoint, call, connections=connections, seconds=seconds)
    enough(result.requests, result.bad)
    rate = result.requests / result.seconds
    return {"rps": rate, "p50_ms": result.p50_ms, **usage.values(result.requests)}


def by_count(lab: Lab, gateway: Gateway, call: Call, *, connections: int, seconds: int) -> Values:
    """Our own generator, for large bodies: slow gateways answer few, so everything that was begun is waited for."""
    endpoint = lab.shared(gateway)
    lab.warm(endpoint, call, connections)
    with metered(endpoint) as usage:
        load = Load(connections, requests=1_000_000, seconds=seconds, timeout=seconds + 40)
        result = lab.many(endpoint, call, load)
    times = [reply.end_ms for reply in result.replies if reply.good(call)]
    enough(len(times), len(result.replies) - len(times))
    return {"rps": len(times) / result.seconds, "p50_ms": median(times), **usage.values(len(times))}
