"""``imagegate config``: check a configuration, show what is in force, print its JSON schema."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
import yaml

from imagegate.settings.environment import ProviderFromEnvironment
from imagegate.settings.loader import find_config, read_settings
from imagegate.settings.masked import masked
from imagegate.settings.model import Settings
from imagegate.settings.problems import ConfigError
from imagegate.settings.schema import config_schema
from imagegate.settings.semantics import AdapterFacts

Facts = Callable[[], Mapping[str, AdapterFacts]]
Providers = Callable[[], Sequence[ProviderFromEnvironment]]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="The file; else IMAGEGATE_CONFIG, ./imagegate.yaml, or the environment."),
]


def make_config_app(facts: Facts, providers: Providers) -> typer.Typer:
    """The commands, for adapters and providers that are asked for when a command runs."""
    app = typer.Typer(name="config", help="Check, show and describe the configuration.", no_args_is_help=True)

    @app.command()
    def check(config: ConfigOption = None) -> None:
        """Say whether the configuration can be used; list everything that is wrong with it."""
        path, settings = _read(config, facts(), providers())
        typer.echo(f"{path or 'environment'}: ok ({summary(settings)})")

    @app.command()
    def schema() -> None:
        """Print the JSON schema of the file, for editors: imagegate config schema > config.schema.json"""
        typer.echo(json.dumps(config_schema(facts()), indent=2, ensure_ascii=False))

    @app.command()
    def show(config: ConfigOption = None) -> None:
        """Print the settings in force as YAML: file, environment and defaults together, credentials masked."""
        _, settings = _read(config, facts(), providers())
        typer.echo(yaml.safe_dump(masked(settings, facts()), sort_keys=False, allow_unicode=True, width=120), nl=False)

    return app


def summary(settings: Settings) -> str:
    """How much there is: ``3 channels, 12 models``; a model that several channels serve counts once."""
    models = {name for channel in settings.channels for name in channel.models}
    return f"{_count(len(settings.channels), 'channel')}, {_count(len(models), 'model')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _read(
    config: Path | None, facts: Mapping[str, AdapterFacts], providers: Sequence[ProviderFromEnvironment]
) -> tuple[Path | None, Settings]:
    path = find_config(config, os.environ, Path())
    try:
        return path, read_settings(path, os.environ, facts, providers)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
