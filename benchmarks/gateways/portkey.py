"""Portkey's gateway on Node; each request says where it goes.

1.15.2 answers edits with 500 on Node 20 and 24: it adds headers to fetch's answer, whose headers are immutable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.gateways.base import UPSTREAM_KEY, Launch, Place
from benchmarks.install import Toolbox, output_of

_PACKAGE = "@portkey-ai/gateway"


class Portkey:
    """One process, without its console."""

    name = "portkey"
    title = "Portkey"

    def __init__(self) -> None:
        self._folder, self._node = Path(), "node"

    def prepare(self, tools: Toolbox) -> str:
        """From npm, in a folder of its own."""
        self._node = tools.command("node", "nodejs")
        self._folder = tools.node_package("portkey", _PACKAGE)
        version = json.loads((self._folder / "package.json").read_text())["version"]
        return f"{version} on Node {output_of([self._node, '--version'])}"

    def launch(self, place: Place) -> Launch:
        """It listens on all interfaces; there is no option for one."""
        argv = [self._node, str(self._folder / "build/start-server.js"), f"--port={place.port}", "--headless"]
        return Launch(argv, {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1"})

    def headers(self, stub_port: int) -> Mapping[str, str]:
        """Provider, upstream and its key."""
        return {
            "Authorization": f"Bearer {UPSTREAM_KEY}",
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{stub_port}/v1",
        }
