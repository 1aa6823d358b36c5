"""What the Stability simulator refuses and answers, in plain HTTP; the vendor has no SDK for v2beta."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.simulators.stability import KEY, StabilitySimulator
from tests.support import pictures

PICTURE = ("a.png", pictures.png((64, 64)), "image/png")
PROMPT = ("prompt", (None, "a cat"))


@pytest.fixture(scope="module")
def web() -> Iterator[httpx2.Client]:
    headers = {"authorization": f"Bearer {KEY}", "accept": "image/*"}
    with StabilitySimulator() as sim, httpx2.Client(base_url=f"{sim.base_url}/stable-image", headers=headers) as raw:
        yield raw


def text(**fields: str) -> list[tuple[str, Any]]:
    return [(name, (None, value)) for name, value in fields.items()]


@pytest.mark.parametrize(
    ("path", "parts", "error"),
    [
        ("generate/ultra", text(seed="1"), "prompt: is required"),
        ("generate/ultra", [*text(prompt="a", size="1024x1024")], "size: unknown field"),
        ("generate/ultra", [*text(prompt="a", aspect_ratio="4:3")], "aspect_ratio"),
        ("generate/ultra", [*text(prompt="a", seed="-1")], "seed"),
        ("generate/ultra", [PROMPT, ("image", PICTURE)], "strength"),
        ("generate/ultra", [*text(prompt="a" * 10_001)], "prompt"),
        ("generate/core", [PROMPT, ("image", PICTURE)], "image: unknown field"),
        ("generate/sd3", [*text(prompt="a", output_format="webp")], "output_format"),
        ("generate/sd3", [*text(prompt="a", model="sd9")], "model"),
        ("generate/sd3", [*text(prompt="a", model="sd3.5-large-turbo", negative_prompt="b")], "negative_prompt"),
        ("generate/sd3", [*text(prompt="a", strength="0.5"), ("image", PICTURE)], "image-to-image"),
        ("edit/inpaint", [PROMPT], "image: is required"),
        ("edit/inpaint", [PROMPT, ("image", ("a.png", b"no picture", "image/png"))], "not a valid image"),
        ("edit/inpaint", [PROMPT, ("image", ("a.png", pictures.png((32, 32)), "image/png"))], "64 pixels"),
        ("edit/inpaint", [PROMPT, ("image", PICTURE), ("mask", PICTURE)], "mask: unsupported"),
        ("edit/outpaint", [("image", PICTURE)], "direction"),
        ("edit/search-and-replace", [PROMPT, ("image", PICTURE)], "search_prompt"),
    ],
)
def test_bad_fields(web: httpx2.Client, path: str, parts: Any, error: str) -> None:
    answer = web.post(f"/{path}", files=parts)
    assert answer.status_code == 400 and set(answer.json()) == {"id", "name", "errors"}
    assert answer.json()["name"] == "bad_request" and error in answer.json()["errors"][0]


def test_json_key_and_path(web: httpx2.Client) -> None:
    assert web.post("/generate/core", json={"prompt": "a"}).json()["errors"][0].startswith("content-type")
    assert web.post("/generate/core", files=[PROMPT], headers={"authorization": "Bearer x"}).json()["name"] == "unauthorized"
    assert web.post("/generate/none", files=[PROMPT]).status_code == 404
    assert web.post("/generate/core", files=[PROMPT], headers={"accept": "*/*"}).status_code == 400
    big = ("a.png", bytes(11 * 1024 * 1024), "image/png")
    assert web.post("/edit/erase", files=[("image", big)]).status_code == 413


def test_a_picture_as_bytes_and_as_json(web: httpx2.Client) -> None:
    parts = text(prompt="a", aspect_ratio="16:9", output_format="webp", seed="7")
    raw = web.post("/generate/core", files=parts)
    assert (raw.headers["finish-reason"], raw.headers["seed"], raw.headers["content-type"]) == ("SUCCESS", "7", "image/webp")
    assert pictures.look(raw.content)[:2] == ("webp", (1344, 768))
    plain = web.post("/generate/core", files=parts, headers={"accept": "application/json"}).json()
    assert base64.b64decode(plain["image"]) == raw.content
    assert (plain["finish_reason"], plain["seed"]) == ("SUCCESS", 7)
    assert web.post("/generate/core", files=text(prompt="[filtered]")).headers["finish-reason"] == "CONTENT_FILTERED"


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("generate/sd3", [*text(prompt="a", mode="image-to-image", strength="0.5", model="sd3.5-medium"), ("image", PICTURE)]),
        ("edit/erase", [("image", PICTURE)]),
        ("edit/outpaint", [*text(left="10"), ("image", PICTURE)]),
        ("upscale/fast", [("image", PICTURE)]),
    ],
)
def test_good_fields(web: httpx2.Client, path: str, parts: Any) -> None:
    assert web.post(f"/{path}", files=parts).status_code == 200
