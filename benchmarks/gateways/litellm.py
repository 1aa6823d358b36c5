"""LiteLLM's proxy: one model row for everything, a master key, no database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.gateways.base import KEY, UPSTREAM_KEY, Launch, Place
from benchmarks.install import Toolbox, output_of

_VERSION = "from importlib.metadata import version; print(version('litellm'))"


class LiteLLM:
    """One worker, as its command line starts it."""

    name = "litellm"
    title = "LiteLLM"

    def __init__(self) -> None:
        self._bin = Path()

    def prepare(self, tools: Toolbox) -> str:
        """From PyPI, in an environment of its own."""
        self._bin = tools.python_environment("litellm", "litellm[proxy]")
        return output_of([str(self._bin / "python"), "-c", _VERSION])

    def launch(self, place: Place) -> Launch:
        """Prices from the package: it would fetch them from the internet at start otherwise."""
        upstream = {"model": "openai/*", "api_base": f"{place.stub}/v1", "api_key": UPSTREAM_KEY}
        config = {
            "model_list": [{"model_name": "*", "litellm_params": upstream}],
            "litellm_settings": {"drop_params": True, "num_retries": 0, "request_timeout": 600, "telemetry": False},
            "general_settings": {"master_key": KEY},
        }
        path = place.folder / "litellm.yaml"
        path.write_text(json.dumps(config, indent=2))
        argv = [str(self._bin / "litellm"), "--config", str(path), "--host", "127.0.0.1", "--port", str(place.port)]
        return Launch(argv, {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"})

    def headers(self, stub_port: int) -> Mapping[str, str]:
        """The master key."""
        return {"Authorization": f"Bearer {KEY}"}
