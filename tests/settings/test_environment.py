from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from imagegate.settings.environment import settings_from_environment
from imagegate.settings.model import Settings
from imagegate.settings.problems import ConfigError
from tests.settings.samples import ADAPTERS, PROVIDERS

KEY = "0123456789abcdef"


def made(environ: Mapping[str, str]) -> Settings:
    return settings_from_environment(environ, PROVIDERS, ADAPTERS)


def problems(environ: Mapping[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        made(environ)
    return str(caught.value).splitlines()


def test_with_nothing_there_is_the_sandbox() -> None:
    settings = made({})
    (sandbox,) = settings.channels
    assert (sandbox.name, sandbox.adapter, sandbox.priority) == ("sandbox", "sandbox", 100)
    assert list(sandbox.models) == ["sandbox", "sandbox-slow"]
    assert settings.defaults.model == "sandbox"
    assert settings.aliases == dict.fromkeys(["dall-e-2", "dall-e-3", "gpt-image-1*"], "sandbox")
    assert settings.auth.keys == ()
    assert settings.storage.path == "data/files"


def test_a_provider_key_makes_a_channel_before_the_sandbox() -> None:
    settings = made({"OPENAI_API_KEY": " sk-1\n"})
    openai, sandbox = settings.channels
    assert (openai.name, openai.adapter, openai.base_url) == ("openai", "openai", "https://api.openai.com/v1")
    assert [key.get_secret_value() for key in openai.keys] == ["sk-1"]
    assert list(openai.models) == ["gpt-image-2", "gpt-image-1.5"]
    assert openai.priority < sandbox.priority
    assert settings.defaults.model == "gpt-image-2"
    assert settings.aliases == {"dall-e-2": "gpt-image-2", "dall-e-3": "gpt-image-2"}


def test_the_first_variable_wins_and_the_address_can_be_moved() -> None:
    settings = made({"VENDOR_TOKEN": "b", "VENDOR_KEY": "a", "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://localhost:1/v1"})
    assert [channel.name for channel in settings.channels] == ["openai", "vendor", "sandbox"]
    assert settings.channels[0].base_url == "http://localhost:1/v1"
    assert [key.get_secret_value() for key in settings.channels[1].keys] == ["a"]
    assert [key.get_secret_value() for key in made({"VENDOR_TOKEN": "b"}).channels[0].keys] == ["b"]


def test_a_provider_without_key_appears_with_its_address() -> None:
    local, _ = made({"LOCAL_URL": "http://gpu.internal:8188"}).channels
    assert (local.name, local.base_url, local.keys) == ("local", "http://gpu.internal:8188", ())


def test_a_glob_is_no_default_model() -> None:
    assert made({"LOCAL_URL": "http://gpu.internal:8188"}).defaults.model == "sandbox"


@pytest.mark.parametrize("environ", [{"OPENAI_API_KEY": ""}, {"OPENAI_BASE_URL": "http://localhost:1"}, {"OPENAI_API_KEY": "  "}])
def test_empty_keys_and_lone_addresses_make_no_channel(environ: dict[str, str]) -> None:
    assert [channel.name for channel in made(environ).channels] == ["sandbox"]


def test_the_gateway_key_and_the_data_folder() -> None:
    settings = made({"IMAGEGATE_KEY": KEY, "IMAGEGATE_DATA": "/data"})
    (key,) = settings.auth.keys
    assert (key.name, key.key.get_secret_value()) == ("default", KEY)
    assert settings.storage.path == "/data/files"


def test_keys_in_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    settings = made({"OPENAI_API_KEY_FILE": f"{tmp_path}/key", "IMAGEGATE_KEY_FILE": f"{tmp_path}/key"})
    assert settings.channels[0].keys[0].get_secret_value() == KEY
    assert settings.auth.keys[0].key.get_secret_value() == KEY
    assert problems({"OPENAI_API_KEY_FILE": f"{tmp_path}/none"}) == [
        f"OPENAI_API_KEY_FILE: {tmp_path}/none cannot be read: no such file or directory"
    ]


def test_overrides_apply_and_what_follows_follows() -> None:
    settings = made(
        {
            "OPENAI_API_KEY": "k",
            "IMAGEGATE__SERVER__PORT": "9",
            "IMAGEGATE__CHANNELS__0__PRIORITY": "7",
            "IMAGEGATE__DEFAULTS__MODEL": "sandbox-slow",
            "IMAGEGATE__ALIASES": '{"dall-e-3": "gpt-image-2"}',
        }
    )
    assert settings.server.port == 9
    assert settings.channels[0].priority == 7
    assert settings.defaults.model == "sandbox-slow"
    assert settings.aliases == {"dall-e-2": "sandbox-slow", "dall-e-3": "gpt-image-2"}


def test_replaced_channels_choose_the_default_model() -> None:
    channels = '[{"name": "x", "adapter": "sandbox", "models": ["gpt-image-*", "mine"]}]'
    settings = made({"IMAGEGATE__CHANNELS": channels})
    assert settings.defaults.model == "mine"
    assert settings.aliases == {"dall-e-2": "mine", "dall-e-3": "mine"}


def test_mistakes_name_the_variable_and_no_secret() -> None:
    assert problems({"IMAGEGATE_KEY": "short", "OPENAI_API_KEY": "a b", "OPENAI_BASE_URL": "nowhere"}) == [
        "IMAGEGATE_KEY auth.keys[0].key: a key needs at least 16 characters; make one with `openssl rand -hex 24`",
        "OPENAI_API_KEY channels[0].keys[0]: holds a space, a line break or a character that is not ASCII",
        'OPENAI_BASE_URL channels[0].base_url: must be an http or https URL without a query, such as "https://api.example.com/v1"',
    ]
    assert problems({"IMAGEGATE__DEFAULTS__MODEL": "nope"}) == [
        'IMAGEGATE__DEFAULTS__MODEL defaults.model: no channel serves model "nope"'
    ]


def test_the_gateways_own_key_in_the_shell_makes_no_channel_to_itself() -> None:
    environ = {"OPENAI_API_KEY": "sk-ig-abcdefghijklmnopqrstuvwx", "OPENAI_BASE_URL": "http://127.0.0.1:8080/v1"}
    settings = settings_from_environment(environ, PROVIDERS)
    assert [channel.name for channel in settings.channels] == ["sandbox"]
    own = {"IMAGEGATE_KEY": "my-own-key-0123456789", "OPENAI_API_KEY": "my-own-key-0123456789"}
    assert [channel.name for channel in settings_from_environment(own, PROVIDERS).channels] == ["sandbox"]
