"""``imagegate channels``: list them, and test one without paying."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer

from imagegate import app as composition
from imagegate.adapters import registry
from imagegate.adapters.shape.listed import unlisted
from imagegate.catalog.loader import Catalog
from imagegate.cli.models import price
from imagegate.cli.serve import settings_for
from imagegate.domain.channels import Candidate, Channel
from imagegate.domain.events import CompletedImage, ImageBytes
from imagegate.domain.images import ImageRequest, Operation
from imagegate.errors import GatewayError
from imagegate.relay.relay import Report
from imagegate.settings.channels import to_channels
from imagegate.settings.model import Settings
from imagegate.settings.problems import ConfigError

app = typer.Typer(name="channels", help="List and test the configured channels.", no_args_is_help=True)
ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="Configuration file.")]


@app.command("list")
def list_channels(config: ConfigOption = None) -> None:
    """Every channel: adapter, priority, keys, models."""
    for channel in _channels(_settings(config)):
        keys = f"{len(channel.keys)} key{'' if len(channel.keys) == 1 else 's'}"
        typer.echo(f"{channel.name:20} {channel.adapter:14} priority {channel.priority:<4} {keys:8} {', '.join(channel.models)}")


@app.command()
def test(
    name: Annotated[str, typer.Argument(help="The channel.")],
    config: ConfigOption = None,
    generate: Annotated[bool, typer.Option("--generate", help="Make one real picture; the provider charges for it.")] = False,
    model: Annotated[str | None, typer.Option(help="For --generate: one of the channel's models; else its first.")] = None,
) -> None:
    """Ask the provider something that costs nothing, with each key of the channel; a paid picture only with --generate.

    Where the answer is the list of models, a configured one that is not on it is told; servers with names of their own do well
    without, so this is no failure.
    """
    settings = _settings(config)
    channel = next((channel for channel in _channels(settings) if channel.name == name), None)
    if channel is None:
        typer.echo(f"There is no channel {name}; there are {', '.join(row.name for row in settings.channels)}.", err=True)
        raise typer.Exit(1)
    failed = asyncio.run(_picture(settings, channel, model) if generate else _check(settings, channel))
    raise typer.Exit(1 if failed else 0)


async def _check(settings: Settings, channel: Channel) -> bool:
    row = registry.Rows()[channel.adapter]
    path = row.check_url(channel.base_url)
    if path is None:
        typer.echo(f"{channel.name}: {channel.adapter} has no call that costs nothing; --generate makes a paid picture.")
        return False
    failed = False
    async with composition.open_tools(settings) as (_, upstream):
        for number, key in enumerate(channel.keys or (None,), start=1):
            candidate = Candidate(channel, key, next(iter(channel.models.values())))
            try:
                async with upstream(candidate).get(path) as answer:
                    missing = unlisted(_upstream_models(channel), await answer.json()) if row.lists_models else ()
                    also = f"; not in its list of models: {', '.join(missing)}" if missing else ""
                    typer.echo(f"{channel.name}, key {number}: ok ({answer.status}){also}")
            except GatewayError as error:
                failed = True
                typer.echo(f"{channel.name}, key {number}: {error.message} ({error.code})", err=True)
    return failed


def _upstream_models(channel: Channel) -> list[str]:
    return sorted({route.upstream for route in channel.models.values() if not set("*?[") & set(route.upstream)})


async def _picture(settings: Settings, channel: Channel, model: str | None) -> bool:
    name = model or next((name for name in channel.models if "*" not in name), "")
    route = channel.models.get(name)
    known = Catalog.load().capabilities(channel.adapter, route.upstream if route else name).price
    typer.echo(f"{channel.name}: one picture with {name}; {price(known)}")
    request = ImageRequest(Operation.GENERATE, f"{name}:{channel.name}", "a small red circle on white")
    async with composition.open_tools(settings) as (relay, _):
        try:
            async with aclosing(relay.run(request, Report())) as events:
                async for event in events:
                    if isinstance(event, CompletedImage) and isinstance(event.source, ImageBytes):
                        size = sum([len(chunk) async for chunk in event.source.chunks])
                        typer.echo(f"{channel.name}: ok, a picture of {size} {event.source.encoding} bytes")
        except GatewayError as error:
            typer.echo(f"{channel.name}: {error.message} ({error.code})", err=True)
            return True
    return False


def _settings(config: Path | None) -> Settings:
    try:
        return settings_for(config, os.environ)[1]
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _channels(settings: Settings) -> tuple[Channel, ...]:
    return to_channels(settings, composition.adapter_facts())
