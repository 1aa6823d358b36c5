"""Processes of a run: pinned to one core, ended with the run, read through /proc."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_TERM_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Cores:
    """``load`` carries the stub, the load generator and this program; ``gateway`` the gateway alone."""

    load: int
    gateway: int

    @classmethod
    def choose(cls) -> Cores:
        """The first and the last core that this process may use."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[0], usable[-1])


def busy_seconds() -> float:
    """CPU time that this machine has spent so far on anything at all, also on its host's other guests."""
    user, nice, system, _, _, *interrupts = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + sum(interrupts)) / TICKS


def own_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    return sum(os.times()[:4])


class Process:
    """A gateway's process with its children. They share a session of their own, by which they are found."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], folder: Path, core: int, log: Path) -> None:
        # setpriv: ends with us, however we end; choom: the kernel's first choice when memory runs out.
        wrapped = ["setpriv", "--pdeathsig", "TERM", "--", "choom", "-n", "1000", "--", "taskset", "-c", str(core), *argv]
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                wrapped,
                env=dict(env),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.log = log

    @property
    def alive(self) -> bool:
        """Whether the first process still runs."""
        return self._popen.poll() is None

    def stop(self) -> None:
        """SIGTERM to its group, SIGKILL after ten seconds."""
        for sent, patience in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, _TERM_SECONDS)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(patience)
                if not self._members():
                    return

    def cpu_seconds(self) -> float:
        """User and system time of all of them so far, to 10 ms."""
        return sum(sum(int(value) for value in fields[11:15]) for _, fields in self._members()) / TICKS

    def resident(self) -> float:
        """Resident memory now, MB."""
        return self._memory("VmRSS")

    def peak(self) -> float:
        """Most resident memory since ``reset_peak``, MB; of several processes the sum of their peaks."""
        return self._memory("VmHWM")

    def reset_peak(self) -> None:
        """Begin a new peak at the present memory (proc(5), clear_refs)."""
        for pid, _ in self._members():
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def last_words(self, length: int = 300) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return " ".join(self.log.read_text(errors="replace")[-length:].split())
        return ""

    def _memory(self, name: str) -> float:
        kilobytes = 0
        for pid, _ in self._members():
            with contextlib.suppress(OSError):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
        return kilobytes / 1024

    def _members(self) -> list[tuple[int, list[str]]]:
        """Pid and the fields of /proc/PID/stat behind the name, of everyone in the session who is no zombie."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    if fields[3] == str(self._popen.pid) and fields[0] != "Z":
                        found.append((int(entry.name), fields))
        return found


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bare_environment(folder: Path) -> dict[str, str]:
    """What a measured process gets: nothing of the caller's but the search path; temporary files in ``folder``."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
    }
