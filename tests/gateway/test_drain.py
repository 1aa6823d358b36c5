"""SIGTERM with work in flight."""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from tests.gateway.stream_client import Connection, post
from tests.support.gateway import KEY, SANDBOX
from tests.support.server import ServerProcess, free_port


def test_sigterm_finishes_40_json_and_40_sse_requests_and_exits_with_0(tmp_path: Path) -> None:
    port = free_port()
    config = {
        "server": {"port": port, "drain_seconds": 60},
        "storage": {"path": str(tmp_path / "files")},
        "auth": {"keys": [{"name": "test", "key": KEY}]},
        "channels": [dict(SANDBOX)],
    }
    file = tmp_path / "imagegate.yaml"
    file.write_text(yaml.safe_dump(config))
    started = threading.Barrier(81, timeout=30)

    def one(number: int) -> Connection:
        asked = {"model": "sandbox-slow", "prompt": f"picture {number}", "size": "256x256", "stream": number % 2 == 1}
        with post(port, "/v1/images/generations", asked, timeout=60) as connection:
            started.wait()
            connection.read_all()
            return connection

    command = [sys.executable, "-m", "imagegate", "serve", "--config", str(file)]
    with ServerProcess(command, port=port, cwd=tmp_path) as server, ThreadPoolExecutor(80) as pool:
        running = [pool.submit(one, number) for number in range(80)]
        started.wait()
        for _ in range(2):  # whoever came before these was accepted and read before them
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as healthy:
                assert healthy.status == 200
        before = time.monotonic()
        code = server.terminate(60)
        took = time.monotonic() - before
        answers = [future.result() for future in running]
        lines = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
    complete = [answer for answer in answers if answer.complete and answer.status == 200]
    print(f"drain: {len(complete)} of 80 complete, exit {code}, {took:.1f} s after SIGTERM")
    assert len(complete) == 80
    assert all(b"image_generation.completed" in answer.data for answer in answers[1::2])
    assert code == 0
    assert sum(line.get("path") == "/v1/images/generations" and line["status"] == 200 for line in lines) == 80
