"""``imagegate channels``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from imagegate.cli import app
from tests.simulators.openai import KEY, OpenAISimulator
from tests.support.gateway import SANDBOX, openai_channel


@pytest.fixture
def simulator() -> Iterator[OpenAISimulator]:
    with OpenAISimulator(KEY) as simulator:
        yield simulator


@pytest.fixture
def config(simulator: OpenAISimulator, tmp_path: Path) -> Path:
    file = tmp_path / "imagegate.yaml"
    channels = [openai_channel(simulator.base_url, KEY, ["gpt-image-2"]), dict(SANDBOX)]
    storage = {"path": str(tmp_path / "files")}
    file.write_text(yaml.safe_dump({"channels": channels, "storage": storage, "auth": {"required": False}}))
    return file


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["channels", *words])


def test_the_list_shows_every_channel_and_no_key(config: Path) -> None:
    result = run("list", "--config", str(config))
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["openai", "sandbox"]
    assert KEY not in result.stdout


def test_a_check_costs_nothing(config: Path, simulator: OpenAISimulator) -> None:
    result = run("test", "openai", "--config", str(config))
    assert (result.exit_code, result.stdout) == (0, "openai, key 1: ok (200)\n")
    assert simulator.calls == 0


def test_a_model_that_the_provider_does_not_list_is_told(config: Path) -> None:
    document = yaml.safe_load(config.read_text())
    document["channels"][0]["models"] = {"gpt-image-2": {}, "mine": {"upstream": "gpt-image-9"}, "gpt-*": {}}
    config.write_text(yaml.safe_dump(document))
    result = run("test", "openai", "--config", str(config))
    assert (result.exit_code, result.stdout) == (0, "openai, key 1: ok (200); not in its list of models: gpt-image-9\n")


def test_a_wrong_key_is_said(config: Path, simulator: OpenAISimulator) -> None:
    simulator.key = "another"
    result = run("test", "openai", "--config", str(config))
    assert result.exit_code == 1
    assert "upstream_auth_failed" in result.stderr


def test_a_paid_picture_is_made_only_on_request_and_says_its_price(config: Path, simulator: OpenAISimulator) -> None:
    result = run("test", "openai", "--generate", "--config", str(config))
    assert result.exit_code == 0
    assert "$30 for a million image tokens" in result.stdout
    assert "ok, a picture of" in result.stdout
    assert simulator.calls == 1


def test_an_adapter_without_a_free_call_says_so(config: Path) -> None:
    result = run("test", "sandbox", "--config", str(config))
    assert result.exit_code == 0
    assert "--generate" in result.stdout


def test_an_unknown_channel_is_an_error_that_names_the_known(config: Path) -> None:
    result = run("test", "nobody", "--config", str(config))
    assert result.exit_code == 1
    assert "openai, sandbox" in result.stderr
