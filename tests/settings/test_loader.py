from __future__ import annotations

from pathlib import Path

import pytest

from imagegate.settings.loader import find_config, load_settings, read_settings
from imagegate.settings.model import Settings
from imagegate.settings.problems import ConfigError
from tests.settings.samples import ADAPTERS, CHANNEL, PROVIDERS, written


def test_the_file_is_named_by_option_then_variable_then_place(tmp_path: Path) -> None:
    environ = {"IMAGEGATE_CONFIG": "/etc/imagegate.yaml"}
    here = written(tmp_path, CHANNEL, "imagegate.yaml")
    assert find_config(Path("mine.yaml"), environ, tmp_path) == Path("mine.yaml")
    assert find_config(None, environ, tmp_path) == Path("/etc/imagegate.yaml")
    assert find_config(None, {"IMAGEGATE_CONFIG": ""}, tmp_path) == here
    assert find_config(None, {}, tmp_path / "elsewhere") is None


def test_a_file_is_read_with_references_and_overrides(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef\n")
    text = CHANNEL + "server: {port: '${PORT}'}\nauth: {keys: [{name: k, key: 'file:key'}]}\n"
    settings = load_settings(written(tmp_path, text), {"PORT": "81", "IMAGEGATE__SERVER__HOST": "::1"}, ADAPTERS)
    assert (settings.server.host, settings.server.port) == ("::1", 81)
    assert settings.auth.keys[0].key.get_secret_value() == "0123456789abcdef"
    assert settings.defaults.model is None


def test_no_file_is_all_defaults() -> None:
    assert load_settings(None, {}) == Settings()
    assert load_settings(None, {"IMAGEGATE__SERVER__PORT": "1"}).server.port == 1


def test_a_missing_file_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path / "none.yaml", {})
    assert str(caught.value) == f"{tmp_path}/none.yaml: cannot be read: no such file or directory"


def test_settings_come_from_the_file_or_the_environment(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "k"}
    assert [c.name for c in read_settings(written(tmp_path, CHANNEL), environ, ADAPTERS, PROVIDERS).channels] == ["main"]
    assert [c.name for c in read_settings(None, environ, ADAPTERS, PROVIDERS).channels] == ["openai", "sandbox"]
