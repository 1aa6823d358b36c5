"""What imagegate has to reach. Later features add theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.results import Results, Spread


@dataclass(frozen=True, slots=True)
class Target:
    """``bound`` for the median of a metric of ``gateway``, as it is, or as ratio or difference to another gateway.

    ``to``: that gateway, of the same case, or a pair of case and gateway.
    """

    case: str
    metric: str
    at_least: bool
    bound: float
    text: str
    relation: Literal["value", "ratio", "difference"] = "value"
    to: str | tuple[str, str] = ""
    gateway: str = "imagegate"

    def reached(self, results: Results) -> Spread | None:
        """What was measured; None when it was not."""
        if self.relation == "value":
            return results.spread(self.case, self.gateway, self.metric)
        to = (self.case, self.to) if isinstance(self.to, str) else self.to
        compare = results.ratio if self.relation == "ratio" else results.difference
        return compare(self.case, self.gateway, self.metric, to)

    def met(self, spread: Spread) -> bool:
        """By the median."""
        return spread.median >= self.bound if self.at_least else spread.median <= self.bound


def _rate(case: str, bound: float, text: str, to: str | tuple[str, str]) -> Target:
    return Target(case, "rps", True, bound, text, "ratio", to)


def _most(case: str, metric: str, bound: float, text: str) -> Target:
    return Target(case, metric, False, bound, text)


def _added(case: str, bound: float, text: str) -> Target:
    return Target(case, "first_p50", False, bound, text, "difference", "direct")


TARGETS: Sequence[Target] = (
    _rate("json-4kb-c16", 0.055, "4 KB JSON ≥ 0.055 × nginx", "nginx"),
    _rate("json-4kb-c16", 20, "4 KB JSON ≥ 20 × LiteLLM", "litellm"),
    _rate("json-2mb-c16", 0.50, "2 MB JSON ≥ 0.50 × nginx", "nginx"),
    _rate("json-2mb-c16", 10, "2 MB JSON ≥ 10 × LiteLLM", "litellm"),
    _rate("json-8mb-c16", 0.65, "8 MB JSON ≥ 0.65 × nginx", "nginx"),
    _most("memory-32x8mb", "growth_mb", 64, "32 × 8 MB at once: growth ≤ 64 MiB"),
    _rate("edit-form-4x8mb", 0.4, "multipart edit 4 × 8 MB ≥ 0.4 × nginx", "nginx"),
    _most("memory-edits-8x32mb", "growth_mb", 32, "8 edits of 4 × 8 MB at once: growth ≤ 32 MiB"),
    _added("streams-1", 3, "SSE, 1 stream: ≤ 3 ms to the first partial"),
    _added("streams-32", 30, "SSE, 32 streams: ≤ 30 ms to the first partial"),
    Target("waiting-1000", "answered", True, 1000, "1,000 waiting requests: all answered"),
    _most("waiting-1000", "growth_mb", 60, "1,000 waiting requests: growth ≤ 60 MB"),
    _rate("translated-2mb", 0.6, "translated 2 MB ≥ 0.6 × passed through", ("translated-base", "imagegate")),
    _most("startup", "idle_mb", 110, "idle memory ≤ 110 MB"),
    _most("startup", "start_s", 1.0, "start to first 200 ≤ 1.0 s"),
)
