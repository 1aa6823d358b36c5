"""Node and the packages that scripts/node-clients installs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import KEY, Gateway

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"
SECONDS = 60


def need_node() -> str:
    """The path of ``node``; skips the test when it, or the packages of package.json, are not here."""
    node = shutil.which("node", path=f"{sys.prefix}/bin{os.pathsep}{os.environ.get('PATH', '')}")
    if node is None:
        pytest.skip("node is not here; scripts/node-clients installs it")
    fits = MODULES / ".fits"
    if not fits.exists() or fits.read_bytes() != (FOLDER / "package.json").read_bytes():
        pytest.skip("the packages of tests/clients/package.json are not installed; scripts/node-clients does it")
    return node


def client_env(base_url: str, key: str = KEY) -> dict[str, str]:
    """The environment of an application: where and with what key, and nothing of the developer's own accounts."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": key, "no_proxy": "*"}


class Scripts:
    """Runs the scripts of this folder against a gateway. Pictures for them lie in ``folder``."""

    def __init__(self, node: str, gateway: Gateway, folder: Path) -> None:
        self._node = node
        self._gateway = gateway
        self._folder = folder

    def run(self, script: str, *arguments: str) -> Any:
        """What the script printed, from JSON. Fails with what it wrote to stderr."""
        return json.loads(
            checked([self._node, str(FOLDER / script), *arguments], self._folder, client_env(self._gateway.base_url))
        )

    def add(self, files: Mapping[str, bytes]) -> None:
        """Put files where the scripts look for them."""
        for name, data in files.items():
            (self._folder / name).write_bytes(data)


def checked(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> str:
    """Standard output of a command that succeeded in ``folder``."""
    done = subprocess.run(
        command, check=False, cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stderr[-4000:]}\n{done.stdout[-1000:]}"
    return done.stdout
