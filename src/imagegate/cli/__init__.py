"""The command line: ``imagegate serve``, ``config``, ``channels``, ``models``, ``healthcheck``."""

from __future__ import annotations

import os
import sys
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Annotated
from urllib.error import HTTPError

import typer

from imagegate import __version__
from imagegate import app as composition
from imagegate.cli import channels
from imagegate.cli import models as catalog
from imagegate.cli import serve as serving
from imagegate.cli.config import make_config_app
from imagegate.settings.problems import ConfigError

_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A proxy of the environment knows nothing of this machine's own server."""

app = typer.Typer(
    name="imagegate",
    help="One OpenAI-compatible Images API in front of every image provider.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(make_config_app(composition.adapter_facts, serving.providers), name="config")
app.add_typer(channels.app, name="channels")
app.command()(catalog.models)


@app.command()
def serve(
    config: Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="Configuration file.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes on the same port.")] = None,
) -> None:
    """Serve the gateway. Without a file: the sandbox, and a channel for each provider key in the environment."""
    given = {"HOST": host, "PORT": port, "WORKERS": workers}
    overrides = {f"IMAGEGATE__SERVER__{name}": str(value) for name, value in given.items() if value is not None}
    try:
        serving.run(config, overrides)
    except (ConfigError, ValueError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def healthcheck(
    url: Annotated[str | None, typer.Option(help="Address to ask; else the port of the configuration.")] = None,
) -> None:
    """Ask a running server on this machine whether it is alive; exit status 0 or 1 (for Docker's HEALTHCHECK)."""
    try:
        target = url or f"{serving.local_origin(serving.settings_for(None, os.environ)[1].server)}/healthz"
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    try:
        outcome = _status(target)
    except (OSError, HTTPException, ValueError) as error:
        outcome = str(error).strip()
    if outcome != "200":
        typer.echo(f"{target}: {outcome}", err=True)
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _status(url: str) -> str:
    """The status that a GET is answered with. Raises OSError, HTTPException, ValueError."""
    try:
        with _NO_PROXY.open(url, timeout=3) as answer:
            return str(answer.status)
    except HTTPError as refusal:
        with refusal:
            return str(refusal.code)


def main() -> None:
    """Entry point of the ``imagegate`` command."""
    sys.exit(app())
