"""openai-python's own image tests, run against a gateway.

They are in the source distribution of the client, not in its wheel. The distribution of the version that is installed here is
fetched when the suite runs and kept inside the virtual environment; nothing of it becomes part of this repository.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO

CACHE = Path(sys.prefix) / "cache"
SUITE = "tests/api_resources/test_images.py"
EXTRA = "pytest-asyncio>=1.4,<2"  # all that the suite needs beyond our own development packages
FETCH_SECONDS, RUN_SECONDS, STOP_SECONDS = 300, 300, 20


class SuiteFailed(Exception):
    """The suite could not be fetched or did not pass; the message ends with the output of the tool that said so."""


def run_suite(base_url: str) -> str:
    """Runs the suite against ``base_url`` (with its ``/v1``) and returns pytest's closing line, such as ``100 passed in 5.1s``.

    Blocks for some seconds, the first time longer. Raises :class:`SuiteFailed` when a test fails or nothing ran.
    """
    folder, extras = _suite(version("openai")), _extras()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "--durations=0",
        "--durations-min=5",
        SUITE,
    ]
    output = _checked(command, RUN_SECONDS, cwd=folder, env=_environment(base_url, extras))
    closing = output.strip().splitlines()[-1].strip("= ")
    if not re.match(r"[1-9]\d* passed", closing):
        raise SuiteFailed(f"not every test ran: {closing}")
    return closing


def _environment(base_url: str, extras: Path) -> dict[str, str]:
    """This process's, less what would lead the client elsewhere or make the inner pytest a part of an outer one."""
    foreign = re.compile(r"OPENAI_|PYTEST_|.*_proxy$", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not foreign.match(name)}
    return kept | {"TEST_API_BASE_URL": base_url, "PYTHONPATH": str(extras), "PYTHONDONTWRITEBYTECODE": "1"}


def _suite(release: str) -> Path:
    """The folder with the client's ``tests`` and its pytest configuration."""
    folder = CACHE / f"openai-{release}"
    if not folder.exists():
        with _staging(folder) as new, tempfile.TemporaryDirectory() as download:
            _pip("download", "--no-deps", "--no-binary", "openai", "--dest", download, f"openai=={release}")
            (archive,) = Path(download).glob("*.tar.gz")
            _extract(archive, new)
    return folder


def _extract(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as packed:
        for member in packed:
            parts = member.name.split("/")[1:]  # without the folder that names the release
            content = packed.extractfile(member) if parts == ["pyproject.toml"] or parts[:1] == ["tests"] else None
            if content and ".." not in parts:
                target = folder.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())


def _extras() -> Path:
    folder = CACHE / re.sub(r"[^\w.]+", "-", EXTRA)
    if not folder.exists():
        with _staging(folder) as new:
            _pip("install", "--no-deps", "--only-binary", ":all:", "--target", str(new), EXTRA)
    return folder


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder beside ``folder`` that takes its name once it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        yield new
        new.rename(folder)


def _pip(*arguments: str) -> None:
    """pip of this environment, or the one that uv brings when uv made the environment and left pip out."""
    if find_spec("pip"):
        command = [sys.executable, "-m", "pip"]
    elif uv := shutil.which("uv"):
        command = [uv, "tool", "run", "--quiet", "--python", sys.executable, "pip"]
    else:
        raise SuiteFailed("fetching openai-python's tests needs pip or uv")
    _checked([*command, *arguments, "--quiet", "--disable-pip-version-check"], FETCH_SECONDS)


def _checked(command: list[str], seconds: float, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Standard output of a command that succeeded."""
    try:
        done = subprocess.run(
            command,
            check=False,
            timeout=seconds,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
        )
    except subprocess.TimeoutExpired as late:
        raise SuiteFailed(f"{' '.join(command)} took more than {seconds} s") from late
    if done.returncode != 0:
        raise SuiteFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-20_000:]}")
    return done.stdout


@contextmanager
def gateway() -> Iterator[str]:
    """Starts a gateway made for the suite and yields its base URL. Its process lives as long as its standard input is open."""
    command = [sys.executable, "-m", "tests.clients.openai_suite_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        base_url = server.stdout.readline().strip()
        rest = threading.Thread(target=_drain, args=(server.stdout,))
        rest.start()
        try:
            if not base_url:
                raise SuiteFailed("the gateway did not start")
            yield base_url
        finally:
            server.stdin.close()
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
            rest.join()


def _drain(stream: IO[str]) -> None:
    for _line in stream:
        pass


def main() -> int:
    """Prints the closing line; the exit code tells whether the suite passed."""
    given = os.environ.get("TEST_API_BASE_URL")
    try:
        if given:
            line = run_suite(given)
        else:
            with gateway() as base_url:
                line = run_suite(base_url)
    except SuiteFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
