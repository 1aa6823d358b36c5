"""Adapters, providers and files for the tests of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from imagegate.settings.environment import ProviderFromEnvironment
from imagegate.settings.loader import load_settings
from imagegate.settings.model import Settings
from imagegate.settings.problems import ConfigError
from imagegate.settings.semantics import AdapterFacts


class NoOptions(BaseModel):
    """An adapter without extras."""

    model_config = ConfigDict(extra="forbid")


class VendorOptions(BaseModel):
    """An adapter with extras, a secret among them."""

    model_config = ConfigDict(extra="forbid")

    region: Literal["eu", "us"] = "eu"
    passes: int = 1
    signing_secret: SecretStr | None = None


ADAPTERS: Mapping[str, AdapterFacts] = {
    "openai": AdapterFacts("openai", True, "https://api.openai.com/v1/", True, NoOptions),
    "vendor": AdapterFacts("vendor", True, None, False, VendorOptions),
    "sandbox": AdapterFacts("sandbox", False, None, False, NoOptions),
}

PROVIDERS = (
    ProviderFromEnvironment(
        "openai", "openai", ("OPENAI_API_KEY",), "OPENAI_BASE_URL", "https://api.openai.com/v1", ("gpt-image-2", "gpt-image-1.5")
    ),
    ProviderFromEnvironment(
        "vendor", "vendor", ("VENDOR_KEY", "VENDOR_TOKEN"), None, "https://vendor.example/api", ("vendor-pro",)
    ),
    ProviderFromEnvironment("vendor", "local", (), "LOCAL_URL", "http://localhost:9/", ("flux-*",)),
)

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"

CHANNEL = """
channels:
  - name: main
    adapter: sandbox
    models: [sandbox]
"""


def written(folder: Path, text: str, name: str = "config.yaml") -> Path:
    """A file with this text, without its common indentation."""
    path = folder / name
    path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def load(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Settings:
    """The checked settings of a file with this text."""
    return load_settings(written(folder, text), environ or {}, ADAPTERS)


def complaints(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The printed lines for a file with this text, without its folder; empty when it is good."""
    try:
        load(folder, text, environ)
    except ConfigError as error:
        return str(error).replace(f"{folder}/", "").splitlines()
    return []
