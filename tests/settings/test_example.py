"""config.example.yaml: works as it is, and shows every setting with its default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from imagegate.settings.loader import load_settings
from imagegate.settings.model import ChannelSettings, ModelSettings, Settings, StaticKey
from imagegate.settings.problems import KeyPath, dotted
from imagegate.settings.yamlfile import parse_document
from tests.settings.samples import ADAPTERS, EXAMPLE

_OWN_VALUES = {("channels",), ("defaults", "model")}


def leaves(model: BaseModel, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def at(data: Any, path: KeyPath) -> Any:
    for step in path:
        data = data[step]
    return data


def uncommented(text: str) -> str:
    """The example with its commented settings switched on, and the lines that they replace left out."""
    settings = text[text.index("\nserver:") :]
    lines = re.sub(r"(?m)^( *)# (?=(  )*(- )?\"?[a-z][\w*.\"-]*:)", r"\1", settings).splitlines()
    return "\n".join(line for line in lines if not re.match(r"(  keys: \[\]  |aliases: \{\})", line))


def test_it_works_without_any_variable() -> None:
    settings = load_settings(EXAMPLE, {}, ADAPTERS)
    assert [channel.name for channel in settings.channels] == ["sandbox"]
    assert settings.defaults.model == "sandbox"


def test_every_setting_is_written_out_with_its_default() -> None:
    data = parse_document(EXAMPLE.read_text(), EXAMPLE.name).data
    for path, default in leaves(Settings()):
        written = at(data, path)
        if path not in _OWN_VALUES:
            assert (list(default) if isinstance(default, tuple) else default) == written, dotted(path)


def test_every_setting_of_a_channel_and_a_model_too() -> None:
    channel = parse_document(EXAMPLE.read_text(), EXAMPLE.name).data["channels"][0]
    assert list(channel) == list(ChannelSettings.model_fields)
    assert channel["models"]["sandbox"] == ModelSettings().model_dump()
    for path, default in leaves(ChannelSettings(name="x", adapter="x", models={})):
        if path[0] not in ("name", "adapter", "models"):
            assert (list(default) if isinstance(default, tuple) else default) == at(channel, path), dotted(path)


def test_what_is_commented_out_works_as_well(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    (tmp_path / "studio_key").write_text("sk-studio")
    path.write_text(uncommented(EXAMPLE.read_text()).replace("/run/secrets/studio_key", "studio_key"))
    settings = load_settings(path, {"IMAGEGATE_DEV_KEY": "0123456789abcdef", "OPENAI_API_KEY": "sk"}, ADAPTERS)
    assert [channel.name for channel in settings.channels] == ["sandbox", "openai", "studio"]
    assert set(settings.aliases) == {"dall-e-3", "gpt-image-1*"}
    assert settings.auth.keys[0].model_dump(exclude={"key"}) == {"name": "dev", "models": ("*",), "default_model": None}
    written = parse_document(path.read_text(), path.name).data["auth"]["keys"][0]
    assert list(written) == list(StaticKey.model_fields)


@pytest.mark.parametrize("unit", ["seconds", "bytes", "pixels"])
def test_units_are_named(unit: str) -> None:
    endings = {"seconds": ("_seconds", "ttl"), "bytes": ("_bytes",), "pixels": ("_pixels",)}[unit]
    lines = [line for line in EXAMPLE.read_text().splitlines() if re.match(rf"  \w*({'|'.join(endings)}):", line)]
    assert lines
    assert all(unit in line.partition("#")[2] for line in lines), lines
