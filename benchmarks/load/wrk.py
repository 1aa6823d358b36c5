"""wrk: requests as fast as they are answered, for whole seconds."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.calls import Call

_SCRIPT = """
wrk.method = "POST"
wrk.path = %(path)s
%(headers)s
local file = io.open(%(body)s, "rb")
wrk.body = file:read("*a")
file:close()

function done(summary, latency, requests)
    local errors = summary.errors
    io.stderr:write(string.format('{"requests": %%d, "microseconds": %%d, "bytes": %%.0f, "bad_status": %%d, "broken": %%d,'
        .. ' "p50": %%.0f, "p99": %%.0f}\\n', summary.requests, summary.duration, summary.bytes, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"""
_ANSWER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class WrkResult:
    """What was answered within ``seconds``. ``bad``: answers that were no success, and broken connections."""

    requests: int
    bad: int
    seconds: float
    bytes: int
    p50_ms: float
    p99_ms: float


def wrk(command: str, port: int, call: Call, *, connections: int, seconds: int, core: int, folder: Path) -> WrkResult:
    """One run on one core. ``seconds``: a whole number, wrk knows no other."""
    body = folder / "wrk-body"
    body.write_bytes(call.body)
    headers = "\n".join(f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in call.all_headers(port).items())
    script = folder / "wrk.lua"
    script.write_text(_SCRIPT % {"path": _lua(call.path), "headers": headers, "body": _lua(str(body))})
    argv = ["taskset", "-c", str(core), command, "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={_ANSWER_SECONDS}s"]
    argv += ["-s", str(script), f"http://127.0.0.1:{port}/"]
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=seconds + 60, check=True, stdin=subprocess.DEVNULL, cwd=folder
    )
    told = json.loads(done.stderr.strip().splitlines()[-1])
    bad = told["bad_status"] + told["broken"]
    return WrkResult(
        requests=max(0, told["requests"] - told["bad_status"]),
        bad=bad,
        seconds=told["microseconds"] / 1e6,
        bytes=int(told["bytes"]),
        p50_ms=told["p50"] / 1e3,
        p99_ms=told["p99"] / 1e3,
    )


def _lua(text: str) -> str:
    """A Lua string; JSON's escapes are Lua's for the plain text that we have."""
    return json.dumps(text)
