"""The commands of ``imagegate`` as a shell sees them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner, Result

from imagegate import __version__
from imagegate.cli import app
from tests.settings.samples import CHANNEL, written
from tests.support.logs import logging_given_back
from tests.support.raw_server import RawServer, cutting
from tests.support.server import ServerThread, free_port

ENVIRONMENT = {"IMAGEGATE_CONFIG": None, "OPENAI_API_KEY": None, "TERM": "dumb", "COLUMNS": "200"}


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(app, arguments, env={**ENVIRONMENT, **environ})


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """``serve`` sets up the logs of its process."""
    with logging_given_back():
        yield


@pytest.fixture
def server() -> Iterator[ServerThread]:
    """Answers 200 at /healthz and 503 at /readyz."""
    routes = [Route("/healthz", lambda _: Response("ok")), Route("/readyz", lambda _: Response("draining", 503))]
    with ServerThread(Starlette(routes=routes)) as server:
        yield server


def test_help_names_every_command() -> None:
    shown = run("--help").stdout
    for command in ("serve", "config", "healthcheck", "version"):
        assert re.search(rf"\b{command}\b", shown)


def test_serve_explains_its_options() -> None:
    result = run("serve", "--help")
    assert result.exit_code == 0
    for option in ("--config", "--host", "--port", "--workers"):
        assert option in result.stdout


def test_version() -> None:
    assert run("version").stdout == f"{__version__}\n"


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "imagegate", "version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("arguments", [["sevre"], ["serve", "--prot", "1"], ["serve", "--port", "x"]])
def test_a_slip_is_told_with_status_two(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


class TestServe:
    """What keeps a server from starting is one line on stderr and status 1."""

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("sever: {}\n" + CHANNEL, 'config.yaml:1:1 sever: unknown key "sever", did you mean "server"?'),
            ("", "channels"),
            ("storage: {path: blocked/files}\n" + CHANNEL, "blocked"),
        ],
    )
    def test_a_configuration_that_cannot_be_used(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "blocked").write_text("a file where a folder should be")
        result = run("serve", "--config", str(written(tmp_path, text)))
        assert result.exit_code == 1
        assert says in result.stderr
        assert "Traceback" not in result.output
        assert isinstance(result.exception, SystemExit)

    @pytest.mark.parametrize(("option", "value"), [("--port", "99999"), ("--workers", "0")])
    def test_an_option_out_of_its_range(self, tmp_path: Path, option: str, value: str) -> None:
        variable = f"IMAGEGATE__SERVER__{option.removeprefix('--').upper()}"
        result = run("serve", "-c", str(written(tmp_path, CHANNEL)), option, value, **{variable: "1"})
        assert result.exit_code == 1
        assert variable in result.stderr

    def test_a_damaged_first_key(self, tmp_path: Path) -> None:
        (tmp_path / "first-key.json").write_text("{")
        text = f"storage: {{path: '{tmp_path}/files'}}\n{CHANNEL}"
        result = run("serve", "-c", str(written(tmp_path, text)))
        assert result.exit_code == 1
        assert "first-key.json is damaged" in result.stderr


class TestHealthcheck:
    def test_a_living_server_is_status_zero(self, server: ServerThread) -> None:
        result = run("healthcheck", "--url", f"{server.url}/healthz")
        assert (result.exit_code, result.output) == (0, "")

    def test_the_port_of_the_configuration_is_asked(self, server: ServerThread, tmp_path: Path) -> None:
        path = str(written(tmp_path, CHANNEL))
        assert run("healthcheck", IMAGEGATE_CONFIG=path, IMAGEGATE__SERVER__PORT=str(server.port)).exit_code == 0
        unused = str(free_port())
        assert run("healthcheck", IMAGEGATE_CONFIG=path, IMAGEGATE__SERVER__PORT=unused).exit_code == 1

    def test_a_server_on_every_address_is_asked_here(self, server: ServerThread, tmp_path: Path) -> None:
        environ = {"IMAGEGATE__SERVER__PORT": str(server.port), "IMAGEGATE__SERVER__HOST": "0.0.0.0"}
        assert run("healthcheck", IMAGEGATE_CONFIG=str(written(tmp_path, CHANNEL)), **environ).exit_code == 0

    def test_a_proxy_of_the_environment_is_not_asked(self, server: ServerThread) -> None:
        dead = f"http://127.0.0.1:{free_port()}"
        result = run(
            "healthcheck", "--url", f"{server.url}/healthz", http_proxy=dead, HTTP_PROXY=dead, ALL_PROXY=dead, no_proxy=""
        )
        assert result.exit_code == 0

    def test_everything_else_is_status_one_and_one_line(self, server: ServerThread) -> None:
        with RawServer(cutting(b"no http at all\r\n\r\n")) as odd:
            for url in (f"{server.url}/readyz", f"{server.url}/none", f"http://127.0.0.1:{free_port()}/", odd.url, "nonsense"):
                result = run("healthcheck", "--url", url)
                assert result.exit_code == 1, url
                assert result.stderr.startswith(url)
                assert result.stderr.count("\n") == 1

    def test_a_broken_configuration_is_told(self, tmp_path: Path) -> None:
        result = run("healthcheck", IMAGEGATE_CONFIG=str(tmp_path / "none.yaml"))
        assert result.exit_code == 1
        assert "none.yaml: cannot be read" in result.stderr
