"""Draws the plots of the page: plots.py RESULTS.json FOLDER. Runs in the benchmarks' own environment, which has matplotlib."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.answers import readable, slug
from benchmarks.cases.json_pictures import SIZES
from benchmarks.cases.streams import STREAMS
from benchmarks.gateways import GATEWAYS
from benchmarks.results import Results, Spread

_COLOURS = {
    "direct": "#888888",
    "nginx": "#2e8540",
    "nginx-64k": "#86c594",
    "imagegate": "#c2410c",
    "litellm": "#1d4ed8",
    "portkey": "#7c3aed",
}
_MEMORY = (1, 8, 32, 64)

Point = tuple[float, Spread | None]


def main() -> None:
    """Three files."""
    results, folder = Results.load(Path(sys.argv[1])), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    mpl.rcParams.update(
        {"svg.hashsalt": "imagegate", "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
    )
    _plot(
        folder / "throughput.svg",
        {g.name: [(size, results.spread(f"json-{slug(size)}-c16", g.name, "rps")) for size in SIZES] for g in GATEWAYS},
        ("size of the picture (base64)", "requests per second"),
        [(size, readable(size)) for size in SIZES],
    )
    _plot(
        folder / "memory.svg",
        {g.name: [(n, results.spread(f"memory-{n}x8mb", g.name, "growth_mb")) for n in _MEMORY] for g in GATEWAYS},
        ("answers of 8 MB at once", "growth of memory, MB"),
        [(n, str(n)) for n in _MEMORY],
    )
    _plot(
        folder / "partials.svg",
        {g.name: [(n, _added(results, n, g.name)) for n in STREAMS] for g in GATEWAYS if g.name != "direct"},
        ("streams at once", "added to the first partial, median, ms"),
        [(n, str(n)) for n in STREAMS],
    )


def _added(results: Results, streams: int, gateway: str) -> Spread | None:
    case = f"streams-{streams}"
    return results.difference(case, gateway, "first_p50", (case, "direct"))


def _plot(path: Path, lines: dict[str, list[Point]], labels: tuple[str, str], ticks: Sequence[tuple[float, str]]) -> None:
    """Lines with whiskers from the lowest to the highest value, both axes logarithmic; values below 0.1 are drawn at 0.1."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    titles = {gateway.name: gateway.title for gateway in GATEWAYS}
    for name, points in lines.items():
        known = [(x, spread) for x, spread in points if spread is not None]
        if not known:
            continue
        middle = [max(0.1, spread.median) for _, spread in known]
        below = [max(0.0, y - max(0.1, spread.low)) for y, (_, spread) in zip(middle, known, strict=True)]
        above = [max(0.0, spread.high - y) for y, (_, spread) in zip(middle, known, strict=True)]
        xs = [x for x, _ in known]
        axes.errorbar(xs, middle, yerr=[below, above], marker="o", ms=4, capsize=2, color=_COLOURS.get(name), label=titles[name])
    axes.set(xscale="log", yscale="log", xlabel=labels[0], ylabel=labels[1])
    axes.set_xticks([x for x, _ in ticks], [text for _, text in ticks])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    _legend(axes)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _legend(axes: Any) -> None:
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False)


if __name__ == "__main__":
    main()
