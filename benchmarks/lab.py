"""Where cases are measured: the stub, the gateways that run, the load generators, all in their places."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import calls
from benchmarks.answers import Answer
from benchmarks.calls import Call
from benchmarks.forms import Budget, Form
from benchmarks.gateways.base import Gateway, Place
from benchmarks.install import Toolbox
from benchmarks.load.many import Load, ManyResult, many
from benchmarks.load.wrk import WrkResult, wrk
from benchmarks.processes import TICKS, Cores, Process, bare_environment, free_port, own_seconds

_START_SECONDS = 90.0
_PROBE_SECONDS = 60.0


class Failed(Exception):
    """A gateway could not do what a case asks; the message stands in the table."""


@dataclass(slots=True)
class Endpoint:
    """A gateway that answers. ``process`` None: the stub itself. ``started``: seconds from its start to its first picture."""

    gateway: Gateway
    port: int
    process: Process | None
    started: float = 0.0
    proved: set[int] = field(default_factory=set)


class Lab:
    """Use as a context manager: everything that it started ends with it."""

    def __init__(self, tools: Toolbox, form: Form, folder: Path) -> None:
        self.form = form
        self.cores = Cores.choose()
        self.budget = Budget(form.limit)
        self._folder = folder
        self._wrk = tools.command("wrk")
        self._many = tools.compiled("many")
        self._stub_program = tools.compiled("stub")
        self._shared: dict[str, Endpoint] = {}
        self._count = 0

    def __enter__(self) -> Lab:
        seconds = str(int(self.form.limit) + 300)
        argv = ["taskset", "-c", str(self.cores.load), self._stub_program, seconds]
        self._stub = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self._stub.stdout is not None  # PIPE
        self.stub_port = int(self._stub.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        for endpoint in self._shared.values():
            if endpoint.process:
                endpoint.process.stop()
        self._stub.kill()
        self._stub.communicate()

    def shared(self, gateway: Gateway) -> Endpoint:
        """The gateway as it runs for the whole time, started at first use, and again if it died."""
        endpoint = self._shared.get(gateway.name)
        if endpoint and endpoint.process and not endpoint.process.alive:
            del self._shared[gateway.name]
            endpoint = None
        if endpoint is None:
            endpoint = self._shared[gateway.name] = self._start(gateway)
            self.throughput(endpoint, calls.generation(Answer()), connections=4, seconds=1)  # compilers, caches, pools
        return endpoint

    @contextmanager
    def fresh(self, gateway: Gateway) -> Iterator[Endpoint]:
        """The gateway newly started, for memory and start-up time."""
        endpoint = self._start(gateway)
        try:
            yield endpoint
        finally:
            if endpoint.process:
                endpoint.process.stop()

    def own_cpu_seconds(self) -> float:
        """CPU time of everything that belongs to the run, also of what has ended."""
        running = [endpoint.process for endpoint in self._shared.values() if endpoint.process]
        stub = (Path("/proc") / str(self._stub.pid) / "stat").read_text().rpartition(")")[2].split()
        return own_seconds() + sum(process.cpu_seconds() for process in running) + (int(stub[11]) + int(stub[12])) / TICKS

    def throughput(self, endpoint: Endpoint, call: Call, *, connections: int, seconds: int) -> WrkResult:
        """wrk on the load core."""
        return wrk(
            self._wrk,
            endpoint.port,
            self._for(endpoint, call),
            connections=connections,
            seconds=seconds,
            core=self.cores.load,
            folder=self._folder,
        )

    def many(self, endpoint: Endpoint, call: Call, load: Load) -> ManyResult:
        """Our own generator on the load core."""
        return many(self._many, endpoint.port, self._for(endpoint, call), load, core=self.cores.load, folder=self._folder)

    def warm(self, endpoint: Endpoint, call: Call, connections: int) -> None:
        """One request on each connection beforehand, for pools, and for memory that the machine's host has to give first."""
        self.prove(endpoint, call)
        self.many(endpoint, call, Load(connections, together=True, timeout=30))

    def prove(self, endpoint: Endpoint, call: Call) -> None:
        """Send the call once and look at everything, so that what is measured later is known to be right. Raises Failed."""
        if id(call) in endpoint.proved:
            return
        before = self._counters()
        status, body = self._send(endpoint, call, _PROBE_SECONDS)
        after = self._counters()
        if status != 200:
            raise Failed(f"status {status}")
        pictures = body.count(b'"b64_json":')
        if len(body) < call.answer.least_bytes or pictures < call.answer.partials + 1:
            raise Failed("a picture is missing in the answer")
        if after["body_bytes"] - before["body_bytes"] < call.uploaded:
            raise Failed("a picture did not reach the upstream")
        endpoint.proved.add(id(call))

    def _start(self, gateway: Gateway) -> Endpoint:
        self._count += 1
        folder = self._folder / f"{gateway.name}-{self._count}"
        folder.mkdir()
        place = Place(self.stub_port, free_port(), folder)
        launch = gateway.launch(place)
        if launch is None:
            return Endpoint(gateway, self.stub_port, None)
        begun = time.monotonic()
        env = {**bare_environment(folder), **launch.env}
        process = Process(launch.argv, env=env, folder=folder, core=self.cores.gateway, log=folder / "log")
        endpoint = Endpoint(gateway, place.port, process)
        try:
            self._wait_for_picture(endpoint, begun)
        except BaseException:
            process.stop()
            raise
        endpoint.started = time.monotonic() - begun
        return endpoint

    def _wait_for_picture(self, endpoint: Endpoint, begun: float) -> None:
        assert endpoint.process is not None  # the caller started one
        call, status = calls.generation(Answer()), 0
        while time.monotonic() - begun < _START_SECONDS and endpoint.process.alive:
            try:
                status, _ = self._send(endpoint, call, _START_SECONDS)
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)
                continue
            if status == 200:
                return
            time.sleep(0.05)
        raise Failed(f"did not start (status {status}): {endpoint.process.last_words()}")

    def _send(self, endpoint: Endpoint, call: Call, timeout: float) -> tuple[int, bytes]:
        sent = self._for(endpoint, call)
        connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=timeout)
        try:
            connection.request("POST", sent.path, sent.body, sent.all_headers(endpoint.port))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _counters(self) -> dict[str, int]:
        connection = http.client.HTTPConnection("127.0.0.1", self.stub_port, timeout=10)
        try:
            connection.request("GET", "/counters")
            counters: dict[str, int] = json.loads(connection.getresponse().read())
            return counters
        finally:
            connection.close()

    def _for(self, endpoint: Endpoint, call: Call) -> Call:
        return call.with_headers(endpoint.gateway.headers(self.stub_port))
