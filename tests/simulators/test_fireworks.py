"""The simulator in plain HTTP, as Fireworks' own examples call it; its SDK makes no pictures any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.simulators.fireworks import KEY, FireworksSimulator
from tests.support import pictures

FLUX = "/workflows/accounts/fireworks/models/flux-1-schnell-fp8/text_to_image"
KONTEXT = "/workflows/accounts/fireworks/models/flux-kontext-pro"
SDXL = "/image_generation/accounts/fireworks/models/stable-diffusion-xl-1024-v1-0"


@pytest.fixture
def sim() -> Iterator[FireworksSimulator]:
    with FireworksSimulator() as simulator:
        yield simulator


@pytest.fixture
def web(sim: FireworksSimulator) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=sim.base_url, headers={"authorization": f"Bearer {KEY}"}, verify=False) as raw:
        yield raw


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_bytes(web: httpx2.Client, kind: str) -> None:
    answer = web.post(FLUX, json={"prompt": "a", "aspect_ratio": "16:9", "seed": 5}, headers={"accept": f"image/{kind}"})
    assert pictures.look(answer.content)[:2] == (kind, (1376, 768))
    assert (answer.headers["content-type"], answer.headers["seed"]) == (f"image/{kind}", "5")


def test_json(web: httpx2.Client) -> None:
    document = web.post(FLUX, json={"prompt": "a"}, headers={"accept": "application/json"}).json()
    assert document["finishReason"] == "SUCCESS" and document["base64"][0].startswith("data:image/png;base64,")


def test_width_and_height(web: httpx2.Client) -> None:
    answer = web.post(SDXL, json={"prompt": "a", "width": 1152, "height": 896}, headers={"accept": "image/png"})
    assert pictures.look(answer.content).size == (1152, 896)


def test_a_job(sim: FireworksSimulator, web: httpx2.Client) -> None:
    job = web.post(KONTEXT, json={"prompt": "a", "input_image": pictures.data_url(pictures.png())}).json()["request_id"]
    looks = [web.post(f"{KONTEXT}/get_result", json={"id": job}).json() for _ in range(2)]
    assert [look["status"] for look in looks] == ["Pending", "Ready"]
    assert pictures.look(httpx2.get(looks[1]["result"]["sample"]).content).format == "jpeg"
    assert web.post(f"{KONTEXT}/get_result", json={"id": "other"}).json()["status"] == "Task not found"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (FLUX, {"prompt": "a", "samples": 2}, 400),
        (FLUX, {"prompt": "a", "aspect_ratio": "7:1"}, 400),
        (FLUX, {}, 400),
        (FLUX.replace("schnell", "nothing"), {"prompt": "a"}, 404),
        (KONTEXT, {"prompt": "a", "output_format": "webp"}, 400),
        (KONTEXT, {"prompt": "a", "input_image": "!"}, 400),
        (SDXL, {"prompt": "a", "seed": "x"}, 400),
        ("/elsewhere", {}, 404),
    ],
)
def test_refusals(web: httpx2.Client, path: str, body: dict[str, Any], status: int) -> None:
    answer = web.post(path, json=body)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})


def test_wrong_key(sim: FireworksSimulator) -> None:
    assert httpx2.post(sim.base_url + FLUX, json={"prompt": "a"}).status_code == 401
