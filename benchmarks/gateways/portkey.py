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
_LOOPBACK = """import net from "node:net";
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, host, ...rest) {
  return listen.call(this, port, "127.0.0.1", ...(typeof host === "function" ? [host, ...rest] : rest));
};
"""


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
        """It would listen on all interfaces and has no option for one; a preloaded module tells it better."""
        (place.folder / "loopback.mjs").write_text(_LOOPBACK)
        argv = [
            self._node,
            "--import",
            str(place.folder / "loopback.mjs"),
            str(self._folder / "build/start-server.js"),
            f"--port={place.port}",
            "--headless",
        ]
        return Launch(argv, {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1"})

    def headers(self, stub_port: int) -> Mapping[str, str]:
        """Provider, upstream and its key."""
        return {
            "Authorization": f"Bearer {UPSTREAM_KEY}",
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{stub_port}/v1",
        }
