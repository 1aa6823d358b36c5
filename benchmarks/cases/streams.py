"""Event streams: how much later the first partial picture is there than without a gateway."""

from __future__ import annotations

from statistics import median, quantiles

from benchmarks import calls
from benchmarks.answers import MB, Answer
from benchmarks.cases.base import CPU, PEAK, Case, Family, Metric, Values, enough, metered
from benchmarks.gateways.base import Gateway
from benchmarks.lab import Failed, Lab
from benchmarks.load.many import Load

STREAMS = (1, 32, 128)
_REPEATS = {1: 10, 32: 2, 128: 1}
"""Times ``Form.stream_repeats``."""


def family() -> Family:
    """Streams of two partial pictures of 1 MB and a finished one of 2 MB, all begun at the same time."""
    return Family(
        "streams",
        "Event streams",
        "Two partial pictures of 1 MB, then the finished one of 2 MB; all streams begin at the same moment. Measured is the time "
        "from the request to the end of the first partial picture; gateways are given by what they add to it.",
        (
            Metric("first_p50", "first partial, median, ms", "difference"),
            Metric("first_p99", "first partial, 99th percentile, ms", "difference"),
            Metric("end_p50", "whole stream, median, ms", "difference"),
            CPU,
            PEAK,
        ),
        [_case(streams) for streams in STREAMS],
    )


def _case(streams: int) -> Case:
    pause = 20 if streams == 1 else 100
    call = calls.generation(Answer(2 * MB, partials=2, partial_size=MB, pause=pause))

    def measure(lab: Lab, gateway: Gateway) -> Values:
        endpoint = lab.shared(gateway)
        lab.warm(endpoint, call, streams)
        load = Load(streams, requests=_REPEATS[streams] * lab.form.stream_repeats, together=True, timeout=60)
        with metered(endpoint) as usage:
            result = lab.many(endpoint, call, load)
        good = [reply for reply in result.replies if reply.good(call)]
        enough(len(good), len(result.replies) - len(good))
        first = [reply.first_event_ms for reply in good if reply.first_event_ms is not None]
        if not first:
            raise Failed("no event stream")
        return {
            "first_p50": median(first),
            "first_p99": quantiles(first, n=100, method="inclusive")[98] if len(first) > 1 else first[0],
            "end_p50": median(reply.end_ms for reply in good),
            **usage.values(len(good)),
        }

    return Case(f"streams-{streams}", f"{streams} stream{'s' if streams > 1 else ''}", measure, short=streams <= 32)
