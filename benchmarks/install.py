"""Gets what a run needs: Debian packages, environments of their own for other gateways, our two C programs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NATIVE = Path(__file__).resolve().parent / "native"
_INSTALL_SECONDS = 600


class Unavailable(Exception):
    """Something cannot be had here; the message says why, in a few words."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """``cache``: where everything is kept. ``peers``: whether other gateways may be installed, or only used if they are there."""

    cache: Path
    peers: bool = True

    @classmethod
    def here(cls, *, peers: bool) -> Toolbox:
        """In $BENCH_CACHE, else in .venv/cache/benchmarks."""
        cache = Path(os.environ.get("BENCH_CACHE") or ROOT / ".venv/cache/benchmarks").resolve()
        cache.mkdir(parents=True, exist_ok=True)
        return cls(cache, peers)

    def command(self, name: str, package: str | None = None) -> str:
        """The path of a command, from its Debian package when it is missing."""
        if not _which(name):
            self._apt(package or name)
        if found := _which(name):
            return found
        raise Unavailable(f"{name} is not installed, and could not be")

    def compiled(self, name: str) -> str:
        """One of our C programs, compiled when its source is new."""
        sources = [NATIVE / f"{name}.c", *sorted(NATIVE.glob("*.h"))]
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
        program = self.cache / "bin" / f"{name}-{digest}"
        if not program.exists():
            program.parent.mkdir(exist_ok=True)
            if not _which("gcc"):
                self._apt("gcc", "libc6-dev")
            fresh = program.with_suffix(".new")
            _run([self.command("gcc"), "-O2", "-Wall", "-Wextra", "-o", str(fresh), str(sources[0])])
            fresh.replace(program)
        return str(program)

    def python_environment(self, name: str, requirement: str) -> Path:
        """The ``bin`` folder of a virtual environment with this requirement, made once."""
        folder = self.cache / name
        if self._missing(folder, requirement):
            _say(f"installing {requirement} ...")
            if _which("uv"):
                _run(["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
                _run(["uv", "pip", "install", "--quiet", "--python", str(folder / "bin/python"), requirement])
            else:
                _run([sys.executable, "-m", "venv", "--clear", str(folder)])
                _run([str(folder / "bin/python"), "-m", "pip", "install", "--quiet", requirement])
            (folder / ".fits").write_text(requirement)
        return folder / "bin"

    def node_package(self, name: str, package: str) -> Path:
        """The folder of an npm package, installed once."""
        folder = self.cache / name
        if self._missing(folder, package):
            _say(f"installing {package} ...")
            folder.mkdir(exist_ok=True)
            npm = self.command("npm")
            _run([npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error", package])
            (folder / ".fits").write_text(package)
        return folder / "node_modules" / package

    def _missing(self, folder: Path, wanted: str) -> bool:
        stamp = folder / ".fits"
        if stamp.exists() and stamp.read_text() == wanted:
            return False
        if not self.peers:
            raise Unavailable("not in the cache; the full form installs it")
        return True

    def _apt(self, *packages: str) -> None:
        if os.geteuid() != 0 or not _which("apt-get"):
            raise Unavailable(f"{packages[0]} is missing: apt-get install {' '.join(packages)}")
        _say(f"installing {' '.join(packages)} ...")
        # RUNLEVEL=1 keeps packages from starting their services.
        quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        _run(["apt-get", "update", "-qq"], quiet)
        _run(["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *packages], quiet)


def output_of(argv: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """What a short command prints, both streams; raises Unavailable when it cannot run."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, env=env)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{argv[0]} does not run") from error
    return (done.stdout + done.stderr).strip()


def _which(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _run(argv: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    try:
        subprocess.run(
            argv,
            env={**os.environ, **(more or {})},
            check=True,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"{Path(argv[0]).name} failed: {' '.join(error.stderr.split())[-200:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{Path(argv[0]).name} failed: {error}") from error


def _say(text: str) -> None:
    print(f"benchmarks: {text}", file=sys.stderr, flush=True)
