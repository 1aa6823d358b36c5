"""``imagegate serve``: read the configuration, tell the newcomer his key, run uvicorn."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from imagegate import app as composition
from imagegate.adapters import registry
from imagegate.api.auth import HashedKeys
from imagegate.catalog.loader import Catalog
from imagegate.cli import allocator
from imagegate.cli.first_key import FirstKey, load_or_create
from imagegate.cli.gathering import GatheringProtocol
from imagegate.settings.environment import OWN_KEY_PREFIX, ProviderFromEnvironment
from imagegate.settings.loader import find_config, read_settings
from imagegate.settings.model import Server, Settings
from imagegate.telemetry import logs

_KEEP_ALIVE = 75
"""Seconds an idle client connection stays open; longer than the usual 60 s of a proxy in front, which then closes first."""
_BACKLOG = 4096
_FROM_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}  # noqa: S104 - compared, not bound


def providers(environ: Mapping[str, str] = os.environ) -> list[ProviderFromEnvironment]:
    """Who is switched on by a key in the environment, with the catalog's current models."""
    found = {
        name: entry
        for name, entry in registry.ENTRIES.items()
        if any(variable in environ or f"{variable}_FILE" in environ for variable in entry.key_variables)
    }
    if not found:
        return []  # reading the catalog takes a while
    catalog, rows = Catalog.load(), registry.Rows()
    return [
        ProviderFromEnvironment(
            adapter=name,
            channel_name=name,
            key_variables=entry.key_variables,
            base_url_variable=entry.base_url_variable,
            base_url=rows[name].default_base_url or "",
            models=catalog.models(name),
        )
        for name, entry in found.items()
    ]


def settings_for(config: Path | None, environ: Mapping[str, str]) -> tuple[Path | None, Settings]:
    """The file in force (None: the environment alone) and what it says. Raises ConfigError."""
    path = find_config(config, environ, Path.cwd())
    return path, read_settings(path, environ, composition.adapter_facts(), providers(environ))


def worker_app() -> FastAPI:
    """The application of one process; everything it needs is in the environment."""
    allocator.tune()
    _, settings = settings_for(None, os.environ)
    logs.configure(settings.log.level, settings.log.format)
    key = first_key(settings)
    return composition.create_app(settings, keys=[HashedKeys([key.stored])] if key else [])


def first_key(settings: Settings) -> FirstKey | None:
    """The owner's key where the configuration has none and one is needed. Raises ValueError when its file is damaged."""
    if settings.auth.keys or not settings.auth.required:
        return None
    return load_or_create(Path(settings.storage.path).parent / "first-key.json")


def run(config: Path | None, overrides: Mapping[str, str]) -> None:
    """Serve until SIGTERM or Ctrl-C; running requests are finished first, exit status 0. Raises ConfigError."""
    os.environ.update(overrides)
    if config is not None:
        os.environ["IMAGEGATE_CONFIG"] = str(config)
    path, settings = settings_for(config, os.environ)
    logs.configure(settings.log.level, settings.log.format)
    greet(settings, path, first_key(settings))
    server = settings.server
    options = uvicorn.Config(
        "imagegate.cli.serve:worker_app",
        factory=True,
        host=server.host,
        port=server.port,
        workers=server.workers,
        loop="uvloop",
        http=GatheringProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=int(server.drain_seconds),
    )
    signal.signal(signal.SIGTERM, _after_drain)
    if server.workers > 1:
        Multiprocess(options, sockets=[options.bind_socket()]).run()
        return
    running = uvicorn.Server(options)
    with contextlib.suppress(KeyboardInterrupt):
        running.run()
    if not running.started:
        raise SystemExit(3)


def local_origin(server: Server) -> str:
    """Where this machine reaches a server that listens so."""
    host = _FROM_HERE.get(server.host, server.host.strip("[]"))
    return f"http://[{host}]:{server.port}" if ":" in host else f"http://{host}:{server.port}"


def greet(settings: Settings, path: Path | None, key: FirstKey | None) -> None:
    """What a person at the terminal needs first: address, channels, key, a line to paste."""
    base = local_origin(settings.server)
    names = ", ".join(channel.name for channel in settings.channels) or "none"
    print(f"imagegate on {base}/v1   configuration: {path or 'environment'}   channels: {names}", flush=True)
    if key is None:
        return
    if key.clear is None:
        hint = "shown at the first start (for a new one delete first-key.json in the data folder)"
        print(f"key: {OWN_KEY_PREFIX}…{key.last}, {hint}", flush=True)
        return
    print(_FIRST_STEPS.format(key=key.clear, base=base), flush=True)


_FIRST_STEPS = """
Your key, shown only now: {key}

A first picture (open the url that comes back):

curl -s {base}/v1/images/generations -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
  -d '{{"model": "sandbox", "prompt": "a lighthouse at dawn", "response_format": "url"}}'
"""


def _after_drain(_: int, __: FrameType | None) -> None:
    """uvicorn drains on SIGTERM and then raises it again; by then everything is done, so the exit status is 0."""
