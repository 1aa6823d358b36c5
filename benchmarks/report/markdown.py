"""Results as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.cases.base import Case, Family, Metric
from benchmarks.gateways import GATEWAYS
from benchmarks.results import Results, Spread
from benchmarks.targets import TARGETS

_RATIOS_TO = ("nginx", "nginx-64k", "litellm", "direct")
_OURS = "imagegate"
_TITLES = {gateway.name: gateway.title for gateway in GATEWAYS}


def targets_table(results: Results) -> str:
    """What was to be reached, what was, and whether."""
    rows = []
    for target in TARGETS:
        spread = target.reached(results)
        if spread is None:
            rows.append([target.text, results.left_out.get(target.case, "not measured"), ""])
        else:
            rows.append([target.text, _spread(spread, 3), "✓" if target.met(spread) else "**missed**"])
    return _table(["target", "measured: median (lowest–highest)", ""], rows)


def family_tables(results: Results, family: Family) -> str:
    """Everything of a family that was measured; empty when nothing was."""
    cases = [case for case in family.cases if any(results.measured(case.name, gateway) for gateway in _TITLES)]
    missing = {results.left_out[case.name]: None for case in family.cases if case.name in results.left_out}
    if not cases:
        return "\n".join([f"## {family.title}", "", *[f"Left out: {reason}." for reason in missing]]) if missing else ""
    parts = [f"## {family.title}", "", family.about, ""]
    if len(family.cases) == 1:
        return "\n".join([*parts, _one_case(results, cases[0], family.metrics)])
    for metric in family.metrics:
        gateways = [name for name in _TITLES if any(results.spread(case.name, name, metric.key) for case in cases)]
        if gateways:
            parts += [_metric_table(results, cases, metric, gateways), ""]
    return "\n".join(parts).rstrip()


def _metric_table(results: Results, cases: Sequence[Case], metric: Metric, gateways: Sequence[str]) -> str:
    ratios = [name for name in _RATIOS_TO if metric.compare == "ratio" and name in gateways and _OURS in gateways]
    shown = [name for name in _TITLES if name in gateways or _failed_somewhere(results, cases, name)]
    head = [metric.title, *(_TITLES[name] for name in shown), *(f"{_OURS} × {_TITLES[name]}" for name in ratios)]
    rows = []
    for case in cases:
        cells = [_cell(results, case, metric, name) for name in shown]
        compared = [results.ratio(case.name, _OURS, metric.key, (case.name, name)) for name in ratios]
        rows.append([case.title, *cells, *(_spread(ratio, 2) if ratio else "–" for ratio in compared)])
    return _table(head, rows)


def _one_case(results: Results, case: Case, metrics: Sequence[Metric]) -> str:
    names = [name for name in _TITLES if results.measured(case.name, name)]
    rows = [[_TITLES[name], *(_cell(results, case, metric, name) for metric in metrics)] for name in names]
    return _table(["", *(metric.title for metric in metrics)], rows)


def _cell(results: Results, case: Case, metric: Metric, gateway: str) -> str:
    if problem := results.problem(case.name, gateway):
        return f"fails: {problem}"
    if metric.compare == "difference" and gateway != "direct":
        added = results.difference(case.name, gateway, metric.key, (case.name, "direct"))
        return _spread(added, metric.digits, sign="+") if added else "–"
    found = results.spread(case.name, gateway, metric.key)
    return _spread(found, metric.digits) if found else "–"


def _failed_somewhere(results: Results, cases: Sequence[Case], gateway: str) -> bool:
    return any(results.problem(case.name, gateway) for case in cases)


def _spread(spread: Spread, digits: int, sign: str = "") -> str:
    middle, low, high = (_number(value, digits, sign) for value in (spread.median, spread.low, spread.high))
    if low == high:
        return middle
    return f"{middle} ({low}{' to ' if sign else '–'}{high})"


def _number(value: float, digits: int, sign: str = "") -> str:
    """Rounded to so many digits, never in powers of ten."""
    if value == 0:
        return "0"
    decimals = digits - len(f"{abs(value):.0f}") if abs(value) >= 1 else digits
    if abs(value) < 0.1:
        decimals = digits + 1
    return f"{round(value, decimals):{sign},.{max(0, decimals)}f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
