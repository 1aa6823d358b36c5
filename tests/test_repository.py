"""What holds for the repository itself: nothing private in it, scripts that start, dependencies pinned and explained."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock", "tests/clients/node.lock")

# Written so that the patterns do not match themselves.
REGISTRY_HOST = re.compile(r"(?:py[p]i|python[h]osted|np[m]js|yarn[p]kg|proxy\.go[l]ang)\.(?:org|com|io)", re.IGNORECASE)
MACHINE_PATH = re.compile(
    r"/[w]ork/(?:main|shared)\b|/[r]oot/(?!\.cache)|/[h]ome/[a-z]+/|/[U]sers/[A-Za-z]+/|/[o]pt/(?:pypi|wheels)"
)
SECRETS = (
    r"\bsk-[A-Za-z0-9_-]{40,}",
    r"\bAKIA[0-9A-Z]{16}\b",
    r"\bAIza[\w-]{35}",
    r"\bgh[opsu]_\w{36}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY",
)
SECRET = re.compile("|".join(SECRETS))
FLOORS = {
    "starlette": (1, 3, 1),
    "python-multipart": (0, 0, 31),
    "h11": (0, 16),
    "httptools": (0, 8),
    "uvicorn": (0, 51),
    "pillow": (13,),
}
PINNED = r"^([A-Za-z0-9._-]+)(\[[a-z0-9,_-]+\])?==([0-9][^ ;\\]*)"
PIN = re.compile(PINNED + r"([^\n]*\n(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)?", re.MULTILINE)


def files() -> list[Path]:
    """What is committed, or would be by ``git add --all``."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if (ROOT / name).is_file()]


def scripts() -> list[Path]:
    return [*sorted((ROOT / "scripts").iterdir()), ROOT / ".ci/run"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    return {normal(name): version for name, _, version, _ in PIN.findall((ROOT / lock).read_text())}


def asked_for(lock: str) -> set[str]:
    """Names that a lock file holds because pyproject.toml names them, not only because another package needs them."""
    name, found = "", set()
    for line in (ROOT / lock).read_text().splitlines():
        if line[:1].isalpha():
            name = normal(re.split(r"[\[=]", line)[0])
        elif "(pyproject.toml" in line:
            found.add(name)
    return found


def declared() -> tuple[set[str], set[str]]:
    """Names of the runtime and of the development dependencies in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["project"]["dependencies"], project["dependency-groups"]["dev"]
    runtime, dev = ({normal(re.split(r"[^A-Za-z0-9._-]", line)[0]) for line in group} for group in groups)
    return runtime, dev


@pytest.mark.parametrize("pattern", [REGISTRY_HOST, MACHINE_PATH, SECRET], ids=["registry host", "machine path", "secret"])
def test_no_file_contains(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0][:24]}"
        for path in files()
        if (match := pattern.search(path.read_bytes().decode("utf-8", "replace")))
    ]
    assert not found


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        (REGISTRY_HOST, "https://registry.np" + "mjs.org/openai"),
        (REGISTRY_HOST, "files.python" + "hosted.org"),
        (MACHINE_PATH, "file:///ro" + "ot/x"),
        (SECRET, "sk-proj-" + "a1" * 30),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], example: str) -> None:
    assert pattern.search(example)


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.name)
def test_scripts_start(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True, stdin=subprocess.DEVNULL)
    sourced = script.name.startswith("_")
    assert os.access(script, os.X_OK) is not sourced
    assert script.read_text().startswith("#!/usr/bin/env bash\n") is not sourced


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_origin(lock: str) -> None:
    text = (ROOT / lock).read_text()
    unhashed = [name for name, _, _, hashes in PIN.findall(text) if not hashes]
    assert pins(lock) and not unhashed
    assert not re.search(r"://|^ *(?:-e|-i|-f|--(?!hash=sha256:))|^[^#\n]* @ ", text, re.MULTILINE)


def test_locks_fit_the_declared_dependencies_and_each_other() -> None:
    runtime, dev = declared()
    assert asked_for("requirements.lock") == runtime, "run scripts/lock"
    assert asked_for("requirements-dev.lock") == runtime | dev, "run scripts/lock"
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items(), "run scripts/lock"


def test_pins_name_the_extras_that_others_ask_of_them() -> None:
    """Older versions of pip (23.2 comes with Python 3.11.7) refuse ``name[extra]`` when only ``name`` is pinned."""
    lock = (ROOT / "requirements-dev.lock").read_text()
    pinned = {normal(name) + extras for name, extras, _, _ in PIN.findall(lock)}
    missing = set()
    for name in pins("requirements-dev.lock"):
        try:
            needs = [Requirement(text) for text in distribution(name).requires or []]
        except PackageNotFoundError:  # a pin for another platform
            continue
        for need in needs:
            wanted = need.marker is None or need.marker.evaluate({"extra": ""})
            if wanted and need.extras and f"{normal(need.name)}[{','.join(sorted(need.extras))}]" not in pinned:
                missing.add(f"{name} needs {need}")
    assert not missing, "run scripts/lock"


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_no_version_with_a_known_hole(name: str, floor: tuple[int, ...]) -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        assert tuple(int(part) for part in re.findall(r"\d+", pins(lock)[name])) >= floor


def test_no_dependency_runs_code_at_every_python_start() -> None:
    """A ``.pth`` file would; that is how LiteLLM's stolen release worked (PYSEC-2026-2)."""
    found: list[str] = []
    for name in pins("requirements-dev.lock"):
        try:
            installed = distribution(name).files or []
        except PackageNotFoundError:  # a pin for another platform
            continue
        found += [str(path) for path in installed if path.suffix == ".pth"]
    assert not found


def test_every_dependency_says_why_it_is_one() -> None:
    text = (ROOT / "docs/dependencies.md").read_text()
    _, runtime_table, dev_table = re.split(r"^## ", text, flags=re.MULTILINE)[:3]
    explained = tuple(
        {normal(name) for name in re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)} for table in (runtime_table, dev_table)
    )
    assert explained == declared()
