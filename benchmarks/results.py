"""What was measured, and what is worked out from it: medians, spread, ratios between gateways in the same round."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with its extremes, over rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread | None:
        """None for no values."""
        return cls(median(values), min(values), max(values)) if values else None


@dataclass(slots=True)
class Sample:
    """One measurement of one gateway. ``problem``: why there are no values. ``others``: cores that strangers kept busy."""

    case: str
    gateway: str
    round: int
    values: Mapping[str, float] = field(default_factory=dict)
    problem: str | None = None
    others: float = 0.0


@dataclass(slots=True)
class Results:
    """A whole run. ``machine``, ``versions``: for the report. ``left_out``: gateways and cases that did not run, and why."""

    form: str
    date: str
    seconds: float = 0.0
    machine: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    def spread(self, case: str, gateway: str, metric: str) -> Spread | None:
        """Over all rounds."""
        return Spread.of(list(self._by_round(case, gateway, metric).values()))

    def ratio(self, case: str, gateway: str, metric: str, to: tuple[str, str]) -> Spread | None:
        """This gateway's value over that of ``to`` (case, gateway), round by round."""
        return self._against(case, gateway, metric, to, lambda one, other: one / other)

    def difference(self, case: str, gateway: str, metric: str, to: tuple[str, str]) -> Spread | None:
        """This gateway's value less that of ``to`` (case, gateway), round by round."""
        return self._against(case, gateway, metric, to, lambda one, other: one - other)

    def problem(self, case: str, gateway: str) -> str | None:
        """Why there is nothing, when no round gave values."""
        own = [sample for sample in self.samples if (sample.case, sample.gateway) == (case, gateway)]
        return own[-1].problem if own and not any(sample.values for sample in own) else None

    def measured(self, case: str, gateway: str) -> bool:
        """Whether it was tried at all."""
        return any((sample.case, sample.gateway) == (case, gateway) for sample in self.samples)

    def save(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False))

    @classmethod
    def load(cls, path: Path) -> Results:
        """What ``save`` wrote."""
        held: dict[str, Any] = json.loads(path.read_text())
        held["samples"] = [Sample(**sample) for sample in held["samples"]]
        return cls(**held)

    def _by_round(self, case: str, gateway: str, metric: str) -> dict[int, float]:
        return {
            sample.round: sample.values[metric]
            for sample in self.samples
            if sample.case == case and sample.gateway == gateway and metric in sample.values
        }

    def _against(
        self, case: str, gateway: str, metric: str, to: tuple[str, str], combine: Callable[[float, float], float]
    ) -> Spread | None:
        own, other = self._by_round(case, gateway, metric), self._by_round(*to, metric)
        return Spread.of([combine(own[number], other[number]) for number in own if other.get(number)])
