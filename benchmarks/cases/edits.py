"""Uploads: edits as multipart and as JSON with ``data:`` urls."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import calls
from benchmarks.answers import MB, Answer
from benchmarks.calls import Call
from benchmarks.cases.base import CPU, EVERYONE, P50, PEAK, RATE, Case, Family, Values, enough, metered
from benchmarks.gateways import OURS
from benchmarks.gateways.base import Gateway
from benchmarks.lab import Lab
from benchmarks.load.many import Load

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
        return uploaded(lab, gateway, call)

    return Case(
        name=f"edit-{kind}-{count}x{size // MB}mb",
        title=f"{_TITLES[kind]}, {count} × {size // MB} MB",
        measure=measure,
        gateways=EVERYONE,
        short=kind == "form" and count == 4,
        short_gateways=OURS,
    )


def uploaded(lab: Lab, gateway: Gateway, call: Call) -> Values:
    """Requests per second until the last answer: slow gateways answer few, so none may be cut off."""
    endpoint = lab.shared(gateway)
    lab.prove(endpoint, call)
    with metered(endpoint) as usage:
        load = Load(CONNECTIONS, requests=1_000_000, seconds=lab.form.seconds, timeout=lab.form.seconds + 40)
        result = lab.many(endpoint, call, load)
    times = sorted(reply.end_ms for reply in result.replies if reply.good(call))
    enough(len(times), len(result.replies) - len(times))
    return {"rps": len(times) / result.seconds, "p50_ms": times[len(times) // 2], **usage.values(len(times))}
