"""The table of docs/providers/README.md, made from the registry and the catalog: ``python -m tests.support.providers_table``."""

from __future__ import annotations

from pathlib import Path

from imagegate.adapters import registry
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities
from imagegate.domain.images import Operation

PAGE = Path(__file__).parents[2] / "docs" / "providers" / "README.md"
_BEGIN, _END = "<!-- made by scripts/providers-table -->\n", "<!-- end -->\n"


def table() -> str:
    """One row an adapter: how many of its models do what (``any``: whatever the operator put there), its free check; and sums."""
    catalog = Catalog.load()
    lines = [
        "| adapter | models | generate | edit | mask | live partial images | free check |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    sums = [0] * 5
    adapters = [0] * 5
    for name in registry.ENTRIES:
        models = catalog.models(name)
        rows = [catalog.capabilities(name, model) for model in models or ("any",)]
        counts = [len(rows), *(sum(map(test, rows)) for test in (_generates, _edits, _masks, _streams))]
        if models:
            sums = [total + count for total, count in zip(sums, counts, strict=True)]
        adapters = [total + bool(count) for total, count in zip(adapters, counts, strict=True)]
        shown = [_shown(count, known=bool(models)) for count in counts]
        lines.append(f"| [{name}]({name}.md) | {' | '.join(shown)} | {_check(name)} |")
    lines.append("| **models** | " + " | ".join(f"**{total}**" for total in sums) + " | |")
    checked = sum(registry.Rows()[name].free_check is not None for name in registry.ENTRIES)
    lines.append("| **adapters** | " + " | ".join(f"**{total}**" for total in adapters) + f" | **{checked}** |")
    return "\n".join(lines) + "\n"


def _shown(count: int, *, known: bool) -> str:
    return "–" if not count else str(count) if known else "any"


def _check(name: str) -> str:
    """What ``imagegate channels test`` asks."""
    path = registry.Rows()[name].free_check
    return "–" if path is None else f"`{path.removeprefix('{origin}').partition('?')[0]}`"


def page(text: str) -> str:
    """The page with a fresh table."""
    before, _, rest = text.partition(_BEGIN)
    return f"{before}{_BEGIN}{table()}{_END}{rest.partition(_END)[2]}"


def _generates(row: Capabilities) -> bool:
    return Operation.GENERATE in row.operations


def _edits(row: Capabilities) -> bool:
    return Operation.EDIT in row.operations


def _masks(row: Capabilities) -> bool:
    return _edits(row) and row.mask


def _streams(row: Capabilities) -> bool:
    return row.partial_images > 0


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
