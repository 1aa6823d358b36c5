"""The report: on the terminal after each run, and as docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.cases.base import Family
from benchmarks.report.markdown import family_tables, targets_table
from benchmarks.results import Results

_BEGIN, _END = "<!-- notes: kept when this page is written anew -->", "<!-- end of notes -->"
_PLOTS = {
    "throughput.svg": "Requests per second by size of the picture, 16 connections",
    "memory.svg": "Growth of memory by number of 8 MB answers at once",
    "partials.svg": "What a gateway adds to the time of the first partial picture",
}
_QUIET = 0.15
"""Cores that other processes may use during a measurement."""
_INTRO = """# Performance

How fast imagegate is, measured beside other gateways in one run on one machine. Absolute figures belong to that machine; the
ratios are what counts. Each gateway runs alone on one core with one worker; the upstream, a small program that answers at once
([`benchmarks/native/stub.c`](../benchmarks/native/stub.c)), and the load generator share another one. Rounds are interleaved:
in each round every gateway is measured on every case, and a ratio is that of two measurements of the same round. Given are
medians over the rounds with the lowest and the highest value. imagegate runs as it is served, with key check, validation,
routing and log line. "Direct" means no gateway. A cell that says "fails" names what the gateway answered; every answer and
every upload was checked once for completeness before it was measured. 1 MB is 1,024² bytes.
"""
_REPEAT = """## How to repeat it

```console
benchmarks/run            # everything, up to 20 minutes, writes this page
benchmarks/run --short    # less than 3 minutes, prints tables only
benchmarks/run --only json-2mb,edit-form --gateways direct,nginx,imagegate
```

It installs what is missing: wrk and nginx from Debian, LiteLLM and Portkey into environments of their own. How to add a case
is told in [`benchmarks/README.md`](../benchmarks/README.md).
"""


def tables(results: Results, families: Sequence[Family]) -> str:
    """Targets and every table that has something to say."""
    parts = ["## Targets", "", *_warning(results), targets_table(results), ""]
    for family in families:
        if text := family_tables(results, family):
            parts += [text, ""]
    parts += [_facts(results)]
    return "\n".join(parts)


def write_page(results: Results, families: Sequence[Family], page: Path) -> None:
    """The page; what somebody wrote between the marks of the notes stays."""
    pictures = [
        f"![{title}](performance/{name})" for name, title in _PLOTS.items() if (page.parent / "performance" / name).exists()
    ]
    text = "\n".join([_INTRO, _notes(page), "", *pictures, "", tables(results, families), "", _REPEAT])
    page.write_text(text.rstrip() + "\n")


def _others(results: Results) -> list[float]:
    return [sample.others for sample in results.samples] or [0.0]


def _warning(results: Results) -> list[str]:
    """Where somebody else used the machine, the numbers say little."""
    disturbed = sum(others > _QUIET for others in _others(results))
    if disturbed * 5 < len(results.samples):
        return []
    return [f"**The machine was not quiet during {disturbed} of {len(results.samples)} measurements; trust no number here.**", ""]


def _facts(results: Results) -> str:
    lines = ["## Machine and versions", "", f"{results.date}, {results.form} form, {results.seconds / 60:.1f} minutes.", ""]
    others = _others(results)
    share = f"{median(others):.2f} cores (median), at most {max(others):.2f}"
    lines += [f"- used by other processes during a measurement: {share}"]
    lines += [f"- {name}: {value}" for name, value in {**results.machine, **results.versions}.items()]
    if results.left_out:
        lines += ["", "Left out:", "", *(f"- {name}: {reason}" for name, reason in results.left_out.items())]
    return "\n".join(lines)


def _notes(page: Path) -> str:
    held = page.read_text() if page.exists() else ""
    if _BEGIN in held and _END in held:
        return _BEGIN + held.partition(_BEGIN)[2].partition(_END)[0] + _END
    return f"{_BEGIN}\n{_END}"
