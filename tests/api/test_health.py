"""Liveness and readiness, under every path that people learnt."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from imagegate.api.health import health_routes

LIVE = ["/healthz", "/livez", "/health/liveness", "/health/liveliness"]
READY = ["/readyz", "/health/readiness"]


class Switch:
    def __init__(self) -> None:
        self.ready = True
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.ready


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def client(switch: Switch) -> TestClient:
    return TestClient(Starlette(routes=health_routes(switch)))


@pytest.mark.parametrize("path", LIVE)
def test_liveness_touches_nothing(client: TestClient, switch: Switch, path: str) -> None:
    switch.ready = False
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert switch.asked == 0


@pytest.mark.parametrize("path", READY)
def test_readiness_ends_while_the_server_drains(client: TestClient, switch: Switch, path: str) -> None:
    assert (client.get(path).status_code, client.get(path).json()) == (200, {"status": "ready"})
    switch.ready = False
    assert (client.get(path).status_code, client.get(path).json()) == (503, {"status": "draining"})


@pytest.mark.parametrize("path", LIVE + READY)
def test_probes_may_ask_with_head_and_change_nothing(client: TestClient, path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.post(path).status_code == 405
