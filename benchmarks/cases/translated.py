"""An answer in another provider's shape, against our own pass-through of the same size in the same round."""

from __future__ import annotations

from benchmarks import calls
from benchmarks.answers import MB, Answer
from benchmarks.calls import Call
from benchmarks.cases.base import CPU, P50, PEAK, RATE, Case, Family, Values
from benchmarks.cases.throughput import by_time
from benchmarks.gateways.base import Gateway
from benchmarks.gateways.imagegate import TRANSLATED, has_adapter
from benchmarks.lab import Lab


def family() -> Family:
    """2 MB in Gemini's shape."""
    answer = Answer(2 * MB)
    return Family(
        "translated",
        "Translated answers",
        "2 MB at 16 connections: the upstream speaks Gemini's `generateContent`, the client OpenAI's Images API.",
        (RATE, CPU, P50, PEAK),
        [
            _case("translated-base", "passed through", calls.generation(answer)),
            _case("translated-2mb", "Gemini's shape", calls.generation(answer, TRANSLATED + answer.model)),
        ],
    )


def _case(name: str, title: str, call: Call) -> Case:
    def measure(lab: Lab, gateway: Gateway) -> Values:
        return by_time(lab, gateway, call, connections=16, seconds=lab.form.seconds)

    return Case(name, title, measure, ("imagegate",), short=True, short_gateways=("imagegate",), needs=_needs)


def _needs() -> str | None:
    return None if has_adapter("gemini") else "imagegate has no `gemini` adapter yet"
