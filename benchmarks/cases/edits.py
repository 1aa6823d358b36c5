"""Uploads: edits as multipart and as JSON with ``data:`` urls."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import calls
from benchmarks.answers import MB, Answer
from benchmarks.calls import Call
from benchmarks.cases.base import CPU, EVERYONE, P50, PEAK, RATE, Case, Family, Values
from benchmarks.cases.throughput import by_count
from benchmarks.gateways import OURS
from benchmarks.gateways.base import Gateway
from benchmarks.lab import Lab

CONNECTIONS = 16
_PICTURES = ((1, 4 * MB), (4, 8 * MB))
_MAKERS: dict[str, Callable[[Answer, int, int], Call]] = {"form": calls.edit_form, "json": calls.edit_json}
_TITLES = {"form": "multipart", "json": "JSON, data urls"}


def family() -> Family:
    """Both encodings of both sizes."""
    return Family(
        "edits",
        "Edits",
        f"`POST /v1/images/edits` with PNG files, {CONNECTIONS} connections, answered with 4 KB. nginx buffers requests, as it "
        "does by default: the upstream is not kept waiting by slow clients.",
        (RATE, CPU, P50, PEAK),
        [_case(kind, count, size) for kind in _MAKERS for count, size in _PICTURES],
    )


def _case(kind: str, count: int, size: int) -> Case:
    call = _MAKERS[kind](Answer(), count, size)

    def measure(lab: Lab, gateway: Gateway) -> Values:
        return by_count(lab, gateway, call, connections=CONNECTIONS, seconds=lab.form.seconds)

    return Case(
        name=f"edit-{kind}-{count}x{size // MB}mb",
        title=f"{_TITLES[kind]}, {count} × {size // MB} MB",
        measure=measure,
        gateways=EVERYONE,
        short=kind == "form" and count == 4,
        short_gateways=OURS,
    )
