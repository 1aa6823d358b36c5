"""``imagegate serve``: what it reads, what it tells, and the server as a process."""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from imagegate.cli.first_key import FirstKey
from imagegate.cli.serve import first_key, greet, local_origin, providers, settings_for
from imagegate.settings.model import Server, Settings
from imagegate.settings.problems import ConfigError
from tests.settings.samples import CHANNEL, written
from tests.support.gateway import KEY, gateway_settings
from tests.support.server import ServerProcess, free_port

CLEAR = "sk-ig-0123456789abcdefghijklmnopqrstuv"


def names(environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    """The channels of this environment, in an empty folder."""
    monkeypatch.chdir(folder)
    path, settings = settings_for(None, environ)
    assert path is None
    return [channel.name for channel in settings.channels]


class TestWhatIsRead:
    def test_providers_are_those_whose_key_is_there(self) -> None:
        assert providers({}) == []
        (found,) = providers({"OPENAI_API_KEY": "sk-x"})
        assert (found.adapter, found.channel_name) == ("openai", "openai")
        assert found.models, "the catalog's own"
        assert [row.adapter for row in providers({"OPENAI_API_KEY_FILE": "/run/secrets/openai"})] == ["openai"]

    @pytest.mark.parametrize(("environ", "expected"), [({}, ["sandbox"]), ({"OPENAI_API_KEY": "sk-x"}, ["openai", "sandbox"])])
    def test_without_a_file_the_given_environment_counts_and_no_other(
        self, environ: dict[str, str], expected: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "")
        assert names(environ, monkeypatch, tmp_path) == expected
        monkeypatch.delenv("OPENAI_API_KEY")
        assert names(environ, monkeypatch, tmp_path) == expected

    def test_a_file_wins_over_the_environment(self, tmp_path: Path) -> None:
        path = written(tmp_path, CHANNEL)
        found, settings = settings_for(path, {"OPENAI_API_KEY": "sk-x", "IMAGEGATE__SERVER__PORT": "9999"})
        assert found == path
        assert [channel.name for channel in settings.channels] == ["main"]
        assert settings.server.port == 9999

    def test_a_broken_file_is_a_config_error(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="unknown key"):
            settings_for(written(tmp_path, CHANNEL + "sever: {}"), {})


class TestFirstKey:
    def test_it_is_made_beside_the_pictures(self, tmp_path: Path) -> None:
        settings = gateway_settings(tmp_path, auth={"keys": []})
        key = first_key(settings)
        assert key is not None
        assert key.clear is not None
        assert (tmp_path / "first-key.json").exists()

    @pytest.mark.parametrize("auth", [{"keys": [{"name": "a", "key": KEY}]}, {"keys": [], "required": False}])
    def test_none_is_made_where_none_is_needed(self, tmp_path: Path, auth: dict[str, Any]) -> None:
        assert first_key(gateway_settings(tmp_path, auth=auth)) is None
        assert not (tmp_path / "first-key.json").exists()


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("localhost", "http://localhost:8080"),
        ("192.168.0.7", "http://192.168.0.7:8080"),
        ("::", "http://[::1]:8080"),
        ("::1", "http://[::1]:8080"),
        ("[::1]", "http://[::1]:8080"),
        ("fd00::7", "http://[fd00::7]:8080"),
    ],
)
def test_the_address_that_works_on_this_machine(host: str, origin: str) -> None:
    assert local_origin(Server(host=host)) == origin


class TestGreeting:
    def test_a_newcomer_gets_the_key_and_a_line_to_paste(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        settings = gateway_settings(tmp_path, server={"host": "::", "port": 1234})
        greet(settings, None, FirstKey("0" * 64, CLEAR[-4:], CLEAR))
        told = capsys.readouterr().out
        assert "http://[::1]:1234/v1" in told
        assert "environment" in told
        assert f"shown only now: {CLEAR}" in told
        assert f"curl -s http://[::1]:1234/v1/images/generations -H 'Authorization: Bearer {CLEAR}'" in told
        (body,) = re.findall(r"-d '(.*)'", told)
        assert json.loads(body)["model"] == "sandbox"

    def test_later_only_the_end_of_the_key_is_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        greet(gateway_settings(tmp_path), Path("my.yaml"), FirstKey("0" * 64, "wxyz"))
        told = capsys.readouterr().out
        assert "my.yaml" in told
        assert "channels: sandbox" in told
        assert "sk-ig-…wxyz" in told
        assert "first-key.json" in told

    def test_with_keys_of_the_file_none_is_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        greet(gateway_settings(tmp_path), None, None)
        assert "key" not in capsys.readouterr().out

    def test_no_channel_is_said_too(self, capsys: pytest.CaptureFixture[str]) -> None:
        greet(Settings(), None, None)
        assert "channels: none" in capsys.readouterr().out


def serving(folder: Path, port: int, *arguments: str) -> ServerProcess:
    command = [sys.executable, "-m", "imagegate", "serve", "--port", str(port), *arguments]
    return ServerProcess(command, port=port, cwd=folder)


def generate(origin: str, key: str) -> Any:
    """One small picture."""
    asked = {"model": "sandbox", "prompt": "a lighthouse", "size": "64x64"}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{origin}/v1/images/generations", json.dumps(asked).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_an_empty_folder_is_enough_and_the_key_is_printed_once(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, port) as first:
        (key,) = re.findall(r"Your key, shown only now: (\S+)", first.output())
        assert generate(first.url, key)["data"][0]["b64_json"]
        assert first.terminate() == 0
        assert first.output().count(key) == 2, "once alone and once in the line to paste, and never in the log"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [".link-secret", "first-key.json"]
    with serving(tmp_path, port, "--workers", "2") as second:
        assert f"sk-ig-…{key[-4:]}" in second.output()
        assert generate(second.url, key)["data"][0]["b64_json"]
        assert second.terminate() == 0
        assert key not in second.output()
        assert "Traceback" not in second.output()
