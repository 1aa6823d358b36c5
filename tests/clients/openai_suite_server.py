"""A gateway made for openai-python's own image tests: ``python -m tests.clients.openai_suite_server``.

Prints its base URL (with ``/v1``) and runs until its standard input is closed or SIGTERM comes.

The suite sends ``Example data`` as pictures, names no model, and its key has ten characters: so uploads are not sniffed, there
is a default model, and everybody on this machine may call. Behind the gateway is a simulator that takes every model and field.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from imagegate.telemetry import logs
from tests.simulators.openai import KEY, OpenAISimulator
from tests.support.gateway import Gateway, gateway_settings, openai_channel


@contextmanager
def suite_gateway(folder: Path) -> Iterator[Gateway]:
    """The gateway and its simulator, running. Everything that is written goes below ``folder``."""
    with OpenAISimulator(lenient=True) as simulator:
        settings = gateway_settings(
            folder,
            [openai_channel(simulator.base_url, KEY, {"*": {"upstream": "takes-everything"}})],
            auth={"required": False},
            defaults={"model": "takes-everything"},
            uploads={"sniff": False},
        )
        with Gateway(settings) as gateway:
            yield gateway


def main() -> None:
    """Serve until there is nobody left to serve."""
    signal.signal(signal.SIGTERM, _stop)
    logs.configure("error", "console")
    with tempfile.TemporaryDirectory() as folder, suite_gateway(Path(folder)) as gateway:
        sys.stdout.write(f"{gateway.base_url}\n")
        sys.stdout.flush()
        sys.stdin.read()


def _stop(_: int, __: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
