"""``imagegate models``: what the catalog knows."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from imagegate.catalog.describe import describe
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, Price
from imagegate.domain.images import Operation


def models(
    adapter: Annotated[str | None, typer.Argument(help="Only this adapter's models.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything that is known, as JSON.")] = False,
) -> None:
    """List the models of the catalog: what they can do and what they cost."""
    catalog = Catalog.load()
    names = [adapter] if adapter else list(catalog.adapters)
    if adapter and adapter not in catalog.adapters:
        typer.echo(f"There is no adapter {adapter}; there are {', '.join(catalog.adapters)}.", err=True)
        raise typer.Exit(1)
    rows = [(name, model, catalog.capabilities(name, model)) for name in names for model in catalog.models(name)]
    if as_json:
        typer.echo(json.dumps([{"adapter": name, "model": model, **describe(row)} for name, model, row in rows], indent=2))
        return
    for name, model, row in rows:
        typer.echo(
            f"{name:14} {model:44} {_abilities(row):32} {price(row.price)}{f'  retires {row.retires}' if row.retires else ''}"
        )


def price(known: Price | None) -> str:
    """A model's price in a few words; ``price unknown`` when nobody has said."""
    if known is None:
        return "price unknown"
    if known.per_image:
        values = sorted(set(known.per_image.values()))
        spread = f"${values[0]:g}" if len(values) == 1 else f"${values[0]:g}-{values[-1]:g}"
        return f"{spread} an image"
    if known.image_output is not None:
        return f"${known.image_output:g} for a million image tokens"
    return "price unknown"


def _abilities(row: Capabilities) -> str:
    words = ["generate"] if Operation.GENERATE in row.operations else []
    if Operation.EDIT in row.operations:
        words.append("edit" + ("+mask" if row.mask else ""))
    if row.partial_images:
        words.append("stream")
    return " ".join(words)
