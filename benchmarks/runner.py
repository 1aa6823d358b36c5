"""Runs the cases: rounds, in each all cases, in each all gateways, in changing order."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException

from benchmarks.cases.base import Case
from benchmarks.gateways import PEERS
from benchmarks.gateways.base import Gateway
from benchmarks.lab import Failed, Lab
from benchmarks.processes import busy_seconds
from benchmarks.results import Results, Sample

_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for. ``cases``: names or beginnings of names, empty for what the form has. ``gateways``: by name.

    ``patient``: wait before each measurement until nothing else runs, for a while.
    """

    cases: Sequence[str]
    gateways: Mapping[str, Gateway]
    patient: bool = False

    def wants(self, case: Case, short: bool) -> bool:
        """Whether a case runs."""
        if self.cases:
            return any(case.name == wanted or case.name.startswith(f"{wanted}-") for wanted in self.cases)
        return case.short or not short

    def gateways_of(self, case: Case, short: bool) -> list[Gateway]:
        """Who is measured. A case that was asked for by name runs in full also in the short form."""
        names = case.short_gateways if short and not self.cases else case.gateways
        return [gateway for name, gateway in self.gateways.items() if name in names and name in case.gateways]


def run(lab: Lab, cases: Sequence[Case], selection: Selection, results: Results) -> None:
    """Fill ``results``, until the rounds are done or the time is."""
    form = lab.form
    possible = []
    for case in cases:
        reason = case.needs()
        if reason:
            results.left_out[case.name] = reason
            _say(f"{case.name}: left out, {reason}")
        else:
            possible.append(case)
    for number in range(form.rounds):
        for case in possible:
            gateways = selection.gateways_of(case, form.short)
            if number >= case.rounds:
                continue
            turn = number % max(1, len(gateways))
            for gateway in gateways[turn:] + gateways[:turn]:
                if gateway.name in PEERS and number >= form.peer_rounds:
                    continue
                if lab.budget.left() < case.cost:
                    results.left_out.setdefault(f"{case.name}, round {number + 1}", "out of time")
                    continue
                if selection.patient:
                    _wait_for_quiet()
                results.samples.append(_measure(lab, case, gateway, number))


def _measure(lab: Lab, case: Case, gateway: Gateway, number: int) -> Sample:
    begun, foreign = time.monotonic(), busy_seconds() - lab.own_cpu_seconds()
    try:
        sample = Sample(case.name, gateway.name, number, dict(case.measure(lab, gateway)))
    except Failed as error:
        sample = Sample(case.name, gateway.name, number, problem=str(error))
    except (OSError, ValueError, HTTPException, subprocess.SubprocessError) as error:
        sample = Sample(case.name, gateway.name, number, problem=f"{type(error).__name__}: {error}"[:200])
    seconds = time.monotonic() - begun
    sample.others = max(0.0, busy_seconds() - lab.own_cpu_seconds() - foreign) / seconds
    told = sample.problem or "  ".join(f"{name} {value:.4g}" for name, value in sample.values.items())
    _say(f"{number + 1} {case.name:<22} {gateway.name:<10} {seconds:5.1f} s  {told}  others {sample.others:.2f}")
    return sample


def _wait_for_quiet() -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    busy = 1.0
    while busy > 0.1 and time.monotonic() < until:
        begun, spent = time.monotonic(), busy_seconds()
        time.sleep(0.3)
        busy = (busy_seconds() - spent) / (time.monotonic() - begun)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
