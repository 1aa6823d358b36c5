from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.support.server import ServerProcess, free_port
from tests.support.waiting import wait_until

SERVER = """
import http.server, os, sys
print("key", os.environ.get("OPENAI_API_KEY"), os.environ["MINE"], flush=True)
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_life_of_a_process(tmp_path: Path) -> None:
    (tmp_path / "healthz").write_text("ok")
    port = free_port()
    server = ServerProcess([sys.executable, "-c", SERVER, str(port)], port=port, cwd=tmp_path, env={"MINE": "yes"})
    with server:
        assert "key None yes" in server.output() and "GET /healthz" in server.output()
        assert 1_000_000 < server.rss() <= server.peak_rss() < 1_000_000_000
        server.reset_peak_rss()
        assert server.terminate() == -signal.SIGTERM
    assert "GET /healthz" in server.output()


def test_leaving_kills_children_too(tmp_path: Path) -> None:
    (tmp_path / "healthz").write_text("ok")
    port = free_port()
    command = f"sleep 60 & echo child $!; exec {sys.executable} -m http.server {port} --bind 127.0.0.1"
    with ServerProcess(["sh", "-c", command], port=port, cwd=tmp_path) as server:
        child = int(server.output().split()[1])
        assert runs(child)
    wait_until(lambda: not runs(child))


@pytest.mark.parametrize(("code", "seconds", "words"), [("exit('bad config')", 10.0, "bad config"), ("input()", 10.0, "EOF")])
def test_a_command_that_ends_early_is_shown(code: str, seconds: float, words: str) -> None:
    server = ServerProcess([sys.executable, "-c", code], port=free_port(), start_seconds=seconds)
    with pytest.raises(RuntimeError, match=words), server:
        pass


def test_a_command_that_is_never_ready() -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    server = ServerProcess(command, port=free_port(), start_seconds=0.2)
    with pytest.raises(RuntimeError, match="not ready"), server:
        pass
    assert server.process.returncode == -signal.SIGKILL
