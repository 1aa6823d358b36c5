"""What the BFL simulator refuses and answers, in plain HTTP; the vendor has no SDK that can be pointed at it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from imagegate.catalog.loader import Catalog
from tests.simulators.bfl import KEY, MODELS, BflSimulator
from tests.support import pictures

PNG = base64.b64encode(pictures.png((64, 64))).decode()


@pytest.fixture(scope="module")
def sim() -> Iterator[BflSimulator]:
    with BflSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def web(sim: BflSimulator) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=sim.base_url, headers={"x-key": KEY}) as raw:
        yield raw


@pytest.mark.parametrize(
    ("model", "fields", "kind", "name"),
    [
        ("flux-2-pro", {"prompt": None}, "missing", "prompt"),
        ("flux-2-pro", {"prompt": ""}, "value_error", "prompt"),
        ("flux-2-pro", {"size": "1024x1024"}, "extra_forbidden", "size"),
        ("flux-2-pro", {"width": 1024}, "value_error", "width"),
        ("flux-2-pro", {"width": 1000, "height": 1024}, "value_error", "width"),
        ("flux-2-pro", {"width": "1024", "height": 1024}, "value_error", "width"),
        ("flux-2-pro", {"seed": "7"}, "value_error", "seed"),
        ("flux-2-pro", {"output_format": "gif"}, "value_error", "output_format"),
        ("flux-2-pro", {"input_image": f"data:image/png;base64,{PNG}"}, "value_error", "input_image"),
        ("flux-2-pro", {"input_image_9": PNG}, "extra_forbidden", "input_image_9"),
        ("flux-kontext-pro", {"width": 1024, "height": 1024}, "extra_forbidden", "width"),
        ("flux-kontext-pro", {"aspect_ratio": "3:1"}, "value_error", "aspect_ratio"),
        ("flux-pro-1.1", {"width": 1456, "height": 1024}, "value_error", "width"),
        ("flux-pro-1.1", {"input_image": PNG}, "extra_forbidden", "input_image"),
        ("flux-pro-1.0-fill", {}, "missing", "image"),
        ("flux-pro-1.0-fill", {"image": PNG, "mask": PNG}, "value_error", "mask"),
        ("flux-pro-1.0-fill", {"image": "AAAA"}, "value_error", "image"),
    ],
)
def test_bad_fields(web: httpx2.Client, model: str, fields: dict[str, Any], kind: str, name: str) -> None:
    answer = web.post(f"/{model}", json={"prompt": "a", **fields})
    (detail,) = answer.json()["detail"]
    assert (answer.status_code, detail["type"], detail["loc"]) == (422, kind, ["body", name])


def test_no_json_no_key_no_model(web: httpx2.Client) -> None:
    assert web.post("/flux-2-pro", content=b"{").status_code == web.post("/flux-2-pro", json=[]).status_code == 422
    assert web.post("/flux-2-pro", json={"prompt": "a"}, headers={"x-key": "no"}).status_code == 403
    assert web.post("/flux-9", json={"prompt": "a"}).json() == {"detail": "Not Found"}
    assert web.get("/get_result?id=none").json()["status"] == "Task not found"


def test_a_job_is_pending_then_ready_and_its_sample_needs_no_key(web: httpx2.Client, sim: BflSimulator) -> None:
    fields = {"prompt": "a", "width": 512, "height": 256, "output_format": "png", "seed": 7}
    job = web.post("/flux-2-pro", json=fields).json()
    looks = [web.get(job["polling_url"]).json() for _ in range(3)]
    assert [look["status"] for look in looks] == ["Pending", "Pending", "Ready"]
    result = looks[-1]["result"]
    assert (result["seed"], result["prompt"]) == (7, "a")
    assert pictures.look(httpx2.get(result["sample"]).content)[:2] == ("png", (512, 256))
    assert httpx2.get(f"{sim.url}/delivery/99.png").status_code == 403


def test_a_look_at_the_key_costs_nothing(web: httpx2.Client) -> None:
    assert web.get("/credits").status_code == 200
    assert web.get("/credits", headers={"x-key": "no"}).status_code in {401, 403}


def test_the_catalog_lists_the_models() -> None:
    assert set(Catalog.load().models("bfl")) == MODELS.keys()
