"""imagegate as it is served: key check, validation, routing and log line on. Variants for later features are more settings."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.gateways.base import KEY, UPSTREAM_KEY, Launch, Place
from benchmarks.install import Toolbox, output_of

TRANSLATED = "translated-"
"""Models with this prefix go to the ``gemini`` channel."""


@dataclass(frozen=True)
class Imagegate:
    """``settings``: sections of the configuration beside the usual ones, e.g. of a feature that has its own row."""

    name: str = "imagegate"
    title: str = "imagegate"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def prepare(self, tools: Toolbox) -> str:
        """The working tree in .venv."""
        return output_of([_command(), "version"])

    def launch(self, place: Place) -> Launch:
        """One worker; logs go to the process's log file."""
        config = {
            "server": {"host": "127.0.0.1", "port": place.port, "workers": 1, "drain_seconds": 5},
            "storage": {"path": str(place.folder / "files")},
            "auth": {"keys": [{"name": "bench", "key": KEY, "models": ["*bench-*"]}]},
            "channels": _channels(place),
            **self.settings,
        }
        path = place.folder / "imagegate.yaml"
        path.write_text(json.dumps(config, indent=2))  # JSON is YAML
        return Launch([_command(), "serve", "--config", str(path)], {})

    def headers(self, stub_port: int) -> Mapping[str, str]:
        """The static key."""
        return {"Authorization": f"Bearer {KEY}"}


@cache
def has_adapter(name: str) -> bool:
    """Whether the gateway takes a channel with this adapter."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "imagegate.yaml"
        path.write_text(json.dumps({"channels": [_channel("probe", name, "http://127.0.0.1:9/v1", "probe")]}))
        return ": ok (" in output_of([_command(), "config", "check", "--config", str(path)])


def _channels(place: Place) -> list[dict[str, Any]]:
    channels = [_channel("stub", "openai", f"{place.stub}/v1", "bench-*")]
    if has_adapter("gemini"):
        channels.append(_channel("stub-gemini", "gemini", f"{place.stub}/v1beta", f"{TRANSLATED}bench-*"))
    return channels


def _channel(name: str, adapter: str, base_url: str, models: str) -> dict[str, Any]:
    return {"name": name, "adapter": adapter, "base_url": base_url, "keys": [UPSTREAM_KEY], "models": [models]}


def _command() -> str:
    return str(Path(sys.executable).parent / "imagegate")
