"""JSON answers with one picture, of any size, at any number of connections."""

from __future__ import annotations

from benchmarks import calls
from benchmarks.answers import KB, MB, Answer, readable, slug
from benchmarks.cases.base import CPU, EVERYONE, P50, PEAK, RATE, Case, Family, Values
from benchmarks.cases.throughput import by_count, by_time
from benchmarks.gateways import OURS
from benchmarks.gateways.base import Gateway
from benchmarks.lab import Lab

SIZES = (4 * KB, 200 * KB, 2 * MB, 8 * MB, 20 * MB)
CONNECTIONS = (16, 1, 64)
_LARGE = 8 * MB
_SHORT = {(4 * KB, 16), (2 * MB, 16), (8 * MB, 16), (4 * KB, 1)}
_PEERS_TOO = {(4 * KB, 1), (2 * MB, 1), *((size, 16) for size in SIZES)}


def family() -> Family:
    """Every size at every number of connections."""
    return Family(
        "json",
        "JSON pictures",
        "`POST /v1/images/generations`, answered with one picture of the given size as base64. 16 connections are the case that "
        "the targets speak of. Peak memory is that of a process that did everything above before.",
        (RATE, CPU, P50, PEAK),
        [_case(size, connections) for connections in CONNECTIONS for size in SIZES],
    )


def _case(size: int, connections: int) -> Case:
    call = calls.generation(Answer(size))
    main = connections == 16

    def measure(lab: Lab, gateway: Gateway) -> Values:
        seconds = lab.form.seconds if main else lab.form.side_seconds
        measured = by_count if size >= _LARGE else by_time
        return measured(lab, gateway, call, connections=connections, seconds=seconds)

    return Case(
        name=f"json-{slug(size)}-c{connections}",
        title=f"{readable(size)}, {connections} connection{'s' if connections > 1 else ''}",
        measure=measure,
        gateways=(*(EVERYONE if (size, connections) in _PEERS_TOO else OURS), *(("nginx-64k",) if main else ())),
        short=(size, connections) in _SHORT,
        short_gateways=EVERYONE if main and size in {4 * KB, 2 * MB} else OURS,
    )
