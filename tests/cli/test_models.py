"""``imagegate models``."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from imagegate.catalog.loader import Catalog
from imagegate.cli import app
from imagegate.cli.models import price
from imagegate.domain.capabilities import Price


def test_every_model_of_the_catalog_is_a_line() -> None:
    result = CliRunner().invoke(app, ["models"])
    catalog = Catalog.load()
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == sum(len(catalog.models(name)) for name in catalog.adapters)


def test_json_has_everything() -> None:
    rows = json.loads(CliRunner().invoke(app, ["models", "openai", "--json"]).stdout)
    assert {row["adapter"] for row in rows} == {"openai"}
    assert all("sizes" in row and "price" in row for row in rows)


def test_an_unknown_adapter_is_an_error_that_names_the_known() -> None:
    result = CliRunner().invoke(app, ["models", "nobody"])
    assert result.exit_code == 1
    assert "sandbox" in result.stderr


def test_prices_in_words() -> None:
    assert price(None) == "price unknown"
    assert price(Price("2026-11", "x", per_image={"low/*": 0.01, "high/*": 0.2})) == "$0.01-0.2 an image"
    assert price(Price("2026-11", "x", image_output=30)) == "$30 for a million image tokens"
