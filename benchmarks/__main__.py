"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.cases import families
from benchmarks.forms import FULL, SHORT
from benchmarks.gateways import GATEWAYS
from benchmarks.gateways.base import Gateway
from benchmarks.install import ROOT, Toolbox, Unavailable
from benchmarks.lab import Lab
from benchmarks.machine import machine, tool_versions
from benchmarks.processes import Cores
from benchmarks.report.page import tables, write_page
from benchmarks.results import Results
from benchmarks.runner import Selection, run

_PAGE = ROOT / "docs/performance.md"


def main() -> int:
    """Measure, print, and in the full form write the page."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the exits of everything that was started
    if options.list:
        for case in (case for family in families() for case in family.cases):
            print(f"{case.name:<24}{'short ' if case.short else '      '}{', '.join(case.gateways)}")
        return 0
    if options.render:
        results = Results.load(Path(options.render))
        _write(results, Toolbox.here(peers=True))
        print(tables(results, families()))
        return 0
    try:
        results = _measured(options)
    except Unavailable as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    if options.json:
        results.save(Path(options.json))
    if options.write or not (options.short or options.only or options.gateways or options.rounds):
        _write(results, Toolbox.here(peers=True))
    print(tables(results, families()))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument("--short", action="store_true", help="less than 3 minutes; other gateways only where they are installed")
    parser.add_argument("--only", default="", metavar="CASE,…", help="these cases, by name or the beginning of it (json-2mb)")
    parser.add_argument("--gateways", default="", metavar="NAME,…", help=f"of {', '.join(g.name for g in GATEWAYS)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="so many rounds for everyone")
    parser.add_argument("--patient", action="store_true", help="wait up to 20 s before each measurement until nothing else runs")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured there")
    parser.add_argument("--render", metavar="FILE", help="measure nothing; write page and plots from such a file")
    parser.add_argument("--write", action="store_true", help="write page and plots also when only a part was measured")
    parser.add_argument("--list", action="store_true", help="print the cases")
    return parser.parse_args()


def _measured(options: argparse.Namespace) -> Results:
    form = SHORT if options.short else FULL
    if options.rounds:
        form = replace(form, rounds=options.rounds, peer_rounds=options.rounds)
    tools = Toolbox.here(peers=not options.short)
    date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    results = Results(form.name, date, machine=machine(Cores.choose()), versions=tool_versions(tools))
    gateways = _gateways(_names(options.gateways), tools, results)
    selection = Selection(_names(options.only), gateways, options.patient)
    cases = [case for family in families() for case in family.cases if selection.wants(case, form.short)]
    if not cases:
        raise Unavailable("there is no such case; benchmarks/run --list prints them")
    print("  ".join(f"{name} {version}" for name, version in results.versions.items()), file=sys.stderr)
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="imagegate-bench-"))
    try:
        with Lab(tools, form, folder) as lab:
            os.sched_setaffinity(0, {lab.cores.load})
            run(lab, cases, selection, results)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    results.seconds = time.monotonic() - begun
    return results


def _gateways(wanted: list[str], tools: Toolbox, results: Results) -> dict[str, Gateway]:
    """Those that can run, with their versions noted."""
    unknown = set(wanted) - {gateway.name for gateway in GATEWAYS}
    if unknown:
        raise Unavailable(f"no gateway is called {', '.join(sorted(unknown))}")
    ready: dict[str, Gateway] = {}
    for gateway in GATEWAYS:
        if wanted and gateway.name not in wanted:
            continue
        try:
            version = gateway.prepare(tools)
        except Unavailable as error:
            results.left_out[gateway.title] = str(error)
            print(f"benchmarks: {gateway.title} is left out: {error}", file=sys.stderr)
            continue
        ready[gateway.name] = gateway
        if gateway.name != "direct":
            results.versions[gateway.title] = version
    return ready


def _write(results: Results, tools: Toolbox) -> None:
    """Page and plots; without matplotlib the page alone."""
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder) / "results.json"
        results.save(held)
        try:
            python = tools.python_environment("plots", "matplotlib") / "python"
            argv = [str(python), "-m", "benchmarks.report.plots", str(held), str(_PAGE.parent / "performance")]
            subprocess.run(argv, cwd=ROOT, check=True, timeout=120, env={**os.environ, "MPLBACKEND": "svg"})
        except (Unavailable, subprocess.SubprocessError) as error:
            print(f"benchmarks: no plots: {error}", file=sys.stderr)
    write_page(results, families(), _PAGE)
    print(f"benchmarks: {_PAGE.relative_to(ROOT)} is written", file=sys.stderr)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


if __name__ == "__main__":
    sys.exit(main())
