"""What the container promises, as far as it can be read without an engine. `docker/smoke` tries the rest."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from imagegate.adapters import registry
from imagegate.settings.model import Settings

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}


@dataclass(frozen=True)
class Instruction:
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text)


def stages() -> list[list[Instruction]]:
    """The Dockerfile's instructions by stage, each beginning with its FROM."""
    text = (DOCKER / "Dockerfile").read_text()
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[Instruction]] = []
    for line in filter(str.strip, text.splitlines()):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, rest.strip()))
    return found


def last(name: str) -> str:
    """The text of the final stage's last instruction of this name."""
    return [instruction.text for instruction in stages()[-1] if instruction.name == name][-1]


def all_of(name: str) -> list[Instruction]:
    return [instruction for stage in stages() for instruction in stage if instruction.name == name]


@pytest.fixture
def service() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    [service] = parsed["services"].values()
    return dict(service)


def seconds(text: str) -> int:
    matched = re.fullmatch(r"([0-9]+)s", text)
    assert matched, text
    return int(matched[1])


def tmpfs_bytes(service: dict[str, Any]) -> int:
    [mount] = service["tmpfs"]
    matched = re.fullmatch(r"/tmp:.*\bsize=([0-9]+)([kmg])\b.*", mount)
    assert matched, mount
    return int(matched[1]) * UNITS[matched[2]]


def test_image_builds_with_any_builder() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    assert not re.search(r"^#\s*(syntax|escape|check)\s*=", text, re.MULTILINE), "a frontend would have to be fetched"
    assert "--mount" not in text, "only BuildKit knows it"
    assert "--start-interval" not in text, "engines before 25 refuse it"


def test_stages_have_the_same_base_and_only_the_environment_is_shipped() -> None:
    builder, final = stages()
    assert builder[0].words[0] == final[0].words[0]
    assert [instruction.text for instruction in final if instruction.name in {"COPY", "ADD"}] == [
        "--from=builder /opt/imagegate /opt/imagegate"
    ]


def test_what_is_copied_exists() -> None:
    sources = [word for instruction in all_of("COPY") if "--from" not in instruction.text for word in instruction.words[:-1]]
    assert {"src", "pyproject.toml", "requirements.lock"} <= set(sources)
    assert all((ROOT / source).exists() for source in sources)
    allowed = (ROOT / ".dockerignore").read_text().split()
    assert all(f"!{source}" in allowed or "!requirements*.lock" in allowed for source in sources)


def test_dependencies_are_installed_by_hash_from_the_lock_files() -> None:
    runs = " && ".join(instruction.text for instruction in all_of("RUN"))
    installs = [command for command in runs.split("&&") if re.search(r"\bpip\b.* install\b", command)]
    assert len(installs) == 3
    for command in installs:
        locked = "--require-hashes" in command and ".lock" in command
        own = "--no-deps" in command and "--no-index" in command
        assert locked or own, command
    assert "PIP_ONLY_BINARY=:all:" in "".join(instruction.text for instruction in all_of("ENV"))


def test_server_runs_as_a_numeric_user_that_is_not_root() -> None:
    uid, _, gid = last("USER").partition(":")
    assert int(uid) >= 10000 and int(gid) >= 10000, "Kubernetes' runAsNonRoot cannot judge a name"


def test_image_starts_watches_and_stops_the_server() -> None:
    health = last("HEALTHCHECK")
    assert json.loads(health[health.index("[") :]) == ["imagegate", "healthcheck"]
    assert json.loads(last("ENTRYPOINT")) == ["imagegate"]
    assert json.loads(last("CMD")) == ["serve"]
    assert last("STOPSIGNAL") == "SIGTERM"
    assert (last("WORKDIR"), last("VOLUME")) == ("/data", "/data")
    assert int(last("EXPOSE")) == Settings().server.port


def test_image_holds_no_secret() -> None:
    named = [word for name in ("ARG", "ENV", "LABEL") for instruction in all_of(name) for word in instruction.words]
    assert named and not [word for word in named if SECRET_NAME.search(word)]


def test_container_may_do_nothing_but_write_data_and_tmp(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service and "privileged" not in service and "user" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [volume.partition(":")[2] for volume in service["volumes"]] == ["/data"]


def test_uploads_fit_into_tmp(service: dict[str, Any]) -> None:
    uploads = Settings().uploads
    largest_request = (uploads.max_images + 2) * uploads.max_image_bytes  # with mask and markup
    spool = int(service["environment"]["IMAGEGATE__UPLOADS__SPOOL_BYTES"])
    assert largest_request <= spool < tmpfs_bytes(service)


def test_engine_waits_longer_than_the_server_drains(service: dict[str, Any]) -> None:
    assert seconds(service["stop_grace_period"]) >= Settings().server.drain_seconds + 5
    assert "stop_signal" not in service


def test_health_is_asked_as_the_image_says(service: dict[str, Any]) -> None:
    health = service["healthcheck"]
    assert health["test"] == ["CMD", "imagegate", "healthcheck"]
    assert "start_interval" not in health, "engines before 25 refuse it"
    names = {"interval": "interval", "timeout": "timeout", "start_period": "start-period", "retries": "retries"}
    assert all(f"--{flag}={health[name]} " in last("HEALTHCHECK") for name, flag in names.items())


def test_port_is_published_on_this_machine_only_unless_asked(service: dict[str, Any]) -> None:
    [port] = service["ports"]
    assert re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", port) == "127.0.0.1:8080:8080"


def test_compose_holds_no_secret_and_takes_provider_keys_from_the_file_alone(service: dict[str, Any]) -> None:
    """A shell that followed the README has the gateway's own key in OPENAI_API_KEY."""
    [file] = service["env_file"]
    assert file["required"] is False
    environment = service["environment"]
    assert environment["IMAGEGATE_KEY"] is None
    assert not {name for entry in registry.ENTRIES.values() for name in entry.key_variables} & environment.keys()
    assert not [name for name, value in environment.items() if SECRET_NAME.search(name) and value]


def test_env_example_names_every_provider_and_sets_nothing() -> None:
    text = (DOCKER / ".env.example").read_text()
    named = set(re.findall(r"^#(\w+)=", text, re.MULTILINE))
    assert {name for entry in registry.ENTRIES.values() for name in entry.key_variables} | {"IMAGEGATE_KEY"} <= named
    assert not [line for line in text.splitlines() if line and not line.startswith("#")]
    assert not [name for name in named if SECRET_NAME.search(name) and not re.search(rf"^#{name}=$", text, re.MULTILINE)]


def test_variables_of_compose_are_explained_or_defaulted() -> None:
    text = (DOCKER / "compose.yaml").read_text()
    assert not re.findall(r"\$\{\w+\}|\$\w", text), "without a default, compose warns about it"


def test_smoke_starts() -> None:
    smoke = DOCKER / "smoke"
    assert os.access(smoke, os.X_OK)
    subprocess.run(["bash", "-n", smoke], check=True, stdin=subprocess.DEVNULL)


def test_smoke_says_how_to_get_an_engine(tmp_path: Path) -> None:
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    ran = subprocess.run(
        [DOCKER / "smoke"], check=False, env=environment, cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert ran.returncode == 2
    assert "Install Docker Engine" in ran.stderr
