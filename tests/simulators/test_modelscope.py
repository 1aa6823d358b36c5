"""The simulator in plain HTTP, as ModelScope's own example calls it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.simulators.modelscope import KEY, ModelscopeSimulator
from tests.support import pictures

QWEN = "Qwen/Qwen-Image"


@pytest.fixture
def sim() -> Iterator[ModelscopeSimulator]:
    with ModelscopeSimulator() as simulator:
        yield simulator


@pytest.fixture
def web(sim: ModelscopeSimulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sim.base_url, headers={"authorization": f"Bearer {KEY}"}, verify=False) as raw:
        yield raw


def test_the_documented_example(web: httpx.Client) -> None:
    order = {"model": QWEN, "prompt": "A golden cat", "loras": "some/lora", "size": "1328x1328"}
    answer = web.post("/images/generations", json=order, headers={"X-ModelScope-Async-Mode": "true"})
    assert answer.headers["modelscope-ratelimit-requests-remaining"] == "1999"
    task = answer.json()["task_id"]
    states: list[str] = []
    while not states or states[-1] not in {"SUCCEED", "FAILED"}:
        data = web.get(f"/tasks/{task}", headers={"X-ModelScope-Task-Type": "image_generation"}).json()
        states.append(data["task_status"])
    assert states == ["PENDING", "PROCESSING", "SUCCEED"]
    assert pictures.look(httpx.get(data["output_images"][0]).content).size == (1328, 1328)


def test_at_once(web: httpx.Client) -> None:
    assert web.post("/images/generations", json={"model": QWEN, "prompt": "a"}).json()["images"][0]["url"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"model": "no/model"}, 404),
        ({"prompt": ""}, 400),
        ({"prompt": "x" * 2000}, 400),
        ({"size": "2048x2048"}, 400),
        ({"steps": "many"}, 400),
        ({"quality": "hd"}, 400),
        ({"image_url": "https://a/b.png"}, 400),
        ({"model": "Qwen/Qwen-Image-Edit"}, 400),
        ({"model": "Qwen/Qwen-Image-Edit", "image_url": "b.png"}, 400),
        ({"model": "Qwen/Qwen-Image-Edit", "image_url": "https://a/b.png"}, 200),
        ({"prompt": "[rate]"}, 429),
        ({"prompt": "[busy]"}, 503),
    ],
)
def test_what_is_refused(web: httpx.Client, given: dict[str, Any], status: int) -> None:
    assert web.post("/images/generations", json={"model": QWEN, "prompt": "a cat", **given}).status_code == status


def test_keys_and_tasks(sim: ModelscopeSimulator, web: httpx.Client) -> None:
    assert httpx.post(f"{sim.base_url}/images/generations", json={}).status_code == 401
    assert web.get("/tasks/none", headers={"X-ModelScope-Task-Type": "image_generation"}).status_code == 404
    assert web.get("/tasks/none").status_code == 400
