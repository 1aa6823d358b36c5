from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from imagegate.cli.config import make_config_app, summary
from imagegate.settings.model import Settings
from tests.settings.samples import ADAPTERS, CHANNEL, PROVIDERS, written

EMPTY = {"IMAGEGATE_CONFIG": None, "OPENAI_API_KEY": None, "VENDOR_KEY": None}


def run(*arguments: str, **environ: str) -> Result:
    app = make_config_app(lambda: ADAPTERS, lambda: PROVIDERS)
    return CliRunner().invoke(app, arguments, env={**EMPTY, **environ})


def test_check_says_how_much_there_is(tmp_path: Path) -> None:
    text = """
    channels:
      - {name: a, adapter: sandbox, models: [x, y]}
      - {name: b, adapter: sandbox, models: [y, "z-*"]}
    """
    path = written(tmp_path, text)
    result = run("check", "--config", str(path))
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{path}: ok (2 channels, 3 models)\n", "")


def test_check_reads_the_file_that_the_variable_names(tmp_path: Path) -> None:
    path = written(tmp_path, CHANNEL)
    assert run("check", IMAGEGATE_CONFIG=str(path)).stdout == f"{path}: ok (1 channel, 1 model)\n"


def test_problems_go_to_stderr_with_status_one(tmp_path: Path) -> None:
    path = written(tmp_path, "channels:\n  - {name: a, adapter: opena, models: [x]}\nsever: {}\n")
    for command in ("check", "show"):
        result = run(command, "--config", str(path))
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.splitlines() == [
            f'{path}:2:24 channels[0].adapter: unknown adapter "opena", did you mean "openai"?',
            f'{path}:3:1 sever: unknown key "sever", did you mean "server"?',
        ]


def test_a_missing_file_is_told_without_a_trace(tmp_path: Path) -> None:
    result = run("check", "-c", str(tmp_path / "none.yaml"))
    assert result.exit_code == 1
    assert result.stderr == f"{tmp_path}/none.yaml: cannot be read: no such file or directory\n"
    assert isinstance(result.exception, SystemExit)


def test_show_prints_the_settings_in_force_without_secrets(tmp_path: Path) -> None:
    text = CHANNEL + "    keys: [SECRET]\n    headers: {x: SECRET}\nserver: {host: '${HOST:-::1}'}\n"
    result = run("show", "-c", str(written(tmp_path, text)), IMAGEGATE__SERVER__PORT="9")
    shown = yaml.safe_load(result.stdout)
    assert result.exit_code == 0
    assert "SECRET" not in result.stdout
    assert (shown["server"]["host"], shown["server"]["port"]) == ("::1", 9)
    assert (shown["channels"][0]["keys"], shown["channels"][0]["headers"]) == (["***"], {"x": "***"})


def test_what_show_prints_is_a_configuration_again(tmp_path: Path) -> None:
    first = run("show", "-c", str(written(tmp_path, CHANNEL)))
    assert run("show", "-c", str(written(tmp_path, first.stdout, "again.yaml"))).stdout == first.stdout


def test_without_a_file_the_environment_is_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("check", OPENAI_API_KEY="sk-SECRET").stdout == "environment: ok (2 channels, 4 models)\n"
    result = run("show", OPENAI_API_KEY="sk-SECRET")
    assert "SECRET" not in result.stdout
    assert yaml.safe_load(result.stdout)["defaults"] == {"model": "gpt-image-2"}
    written(tmp_path, CHANNEL, "imagegate.yaml")
    assert run("check", OPENAI_API_KEY="sk").stdout == "imagegate.yaml: ok (1 channel, 1 model)\n"


def test_schema_is_json() -> None:
    result = run("schema")
    assert json.loads(result.stdout)["title"] == "imagegate configuration"


def test_summary_counts() -> None:
    assert summary(Settings()) == "0 channels, 0 models"
