"""The product as its users run it: a process with a port, watched from outside."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self


def free_port() -> int:
    """A loopback port that nobody uses, below the range that the kernel gives to outgoing connections."""
    for port in random.sample(range(20_000, 32_000), 50):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port found")


def children() -> list[int]:
    """Process ids of this process's children, zombies too."""
    return [int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]


class ServerProcess:
    """Context manager: starts a command and waits until ``GET ready_path`` on its port answers 200.

    The command gets only ``env`` and PATH, HOME and LANG, so that no provider key of the developer reaches it. Leaving kills
    what is left of it, children included. ``start_seconds``: how long it may take to be ready.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        port: int,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ready_path: str = "/healthz",
        start_seconds: float = 30.0,
    ) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._command = list(command)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._env = {**kept, **(env or {})}
        self._cwd = cwd
        self._ready_path = ready_path
        self._start_seconds = start_seconds
        self._log: IO[bytes] | None = None
        self._output = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._stack = contextlib.ExitStack()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process is not None, "not started"
        return self._process

    @property
    def pid(self) -> int:
        """Process id; also the id of its process group."""
        return self.process.pid

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._log = stack.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )
            stack.callback(self._kill)
            self._wait_until_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def output(self) -> str:
        """What it wrote so far, stdout and stderr in order; also after the end."""
        if self._log and not self._log.closed:
            descriptor = self._log.fileno()
            self._output = os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("utf-8", "replace")
        return self._output

    def rss(self) -> int:
        """Resident memory now, in bytes, without children."""
        return self._status("VmRSS")

    def peak_rss(self) -> int:
        """The most resident memory since the start or the last ``reset_peak_rss``, in bytes."""
        return self._status("VmHWM")

    def reset_peak_rss(self) -> None:
        """Let ``peak_rss`` begin anew (proc(5), clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def terminate(self, seconds: float = 30.0) -> int:
        """Send SIGTERM and wait for the exit code. Raises subprocess.TimeoutExpired."""
        self.process.terminate()
        return self.process.wait(seconds)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        self.output()

    def _status(self, field: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"no {field}: the process has ended\n{self.output()}")

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + self._start_seconds
        while not self._ready():
            code = self.process.poll()
            if code is not None:
                raise RuntimeError(f"ended with {code} before it was ready\n{self.output()}")
            if time.monotonic() > end:
                raise RuntimeError(f"not ready after {self._start_seconds} s\n{self.output()}")
            time.sleep(0.02)

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self._ready_path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
