"""What the Ideogram simulator refuses and answers, in plain HTTP; the vendor has no Python SDK."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx2
import pytest

from imagegate.catalog.loader import Catalog
from tests.simulators.ideogram import CREATED, CREATED_SECONDS, ENDPOINTS, KEY, IdeogramSimulator
from tests.support import pictures

IMAGE = ("image", ("a.png", pictures.png((64, 64)), "image/png"))
V3 = "/v1/ideogram-v3"


@pytest.fixture(scope="module")
def web() -> Iterator[httpx2.Client]:
    with IdeogramSimulator() as sim, httpx2.Client(base_url=sim.base_url, headers={"api-key": KEY}) as raw:
        yield raw


def text(**fields: str) -> list[tuple[str, Any]]:
    return [(name, (None, value)) for name, value in fields.items()]


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (f"{V3}/generate", text(seed="1")),
        (f"{V3}/generate", text(prompt="a", size="1024x1024")),
        (f"{V3}/generate", text(prompt="a", resolution="1000x1000")),
        (f"{V3}/generate", text(prompt="a", resolution="1024x1024", aspect_ratio="1x1")),
        (f"{V3}/generate", text(prompt="a", aspect_ratio="16:9")),
        (f"{V3}/generate", text(prompt="a", rendering_speed="FAST")),
        (f"{V3}/generate", text(prompt="a", magic_prompt="YES")),
        (f"{V3}/generate", text(prompt="a", num_images="9")),
        (f"{V3}/generate", text(prompt="a", seed="-1")),
        (f"{V3}/generate", text(prompt="a") * 2),
        (f"{V3}/generate", [*text(prompt="a"), IMAGE]),
        (f"{V3}/remix", text(prompt="a")),
        (f"{V3}/remix", [*text(prompt="a", image_weight="101"), IMAGE]),
        (f"{V3}/remix", [*text(prompt="a"), ("image", ("a.gif", pictures.gif(), "image/gif"))]),
        (f"{V3}/remix", [*text(prompt="a"), ("image", ("a.png", b"no", "image/png"))]),
        (f"{V3}/inpaint", [*text(prompt="a"), IMAGE]),
        (f"{V3}/inpaint", [*text(prompt="a", resolution="1024x1024"), IMAGE, ("mask", IMAGE[1])]),
        (f"{V3}/inpaint", [*text(prompt="a"), IMAGE, ("mask", IMAGE[1])]),
        ("/v1/ideogram-v4/generate", text(prompt="a")),
        ("/v1/ideogram-v4/generate", text(text_prompt="a", rendering_speed="FLASH")),
        ("/v1/ideogram-v4/generate", text(text_prompt="a", resolution="1024x1024")),
        ("/v1/edit", [*text(prompt="a"), *[("images", IMAGE[1])] * 11]),
    ],
)
def test_bad_fields(web: httpx2.Client, path: str, parts: Any) -> None:
    answer = web.post(path, files=parts)
    assert answer.status_code == 400 and isinstance(answer.json()["error"], str)


def test_json_key_and_path(web: httpx2.Client) -> None:
    assert web.post(f"{V3}/generate", json={"prompt": "a"}).status_code == 400
    assert web.post(f"{V3}/generate", files=text(prompt="a"), headers={"api-key": "x"}).status_code == 401
    assert web.post("/v1/ideogram-v9/generate", files=text(prompt="a")).status_code == 404


def test_pictures_are_left_at_urls_that_need_no_key(web: httpx2.Client) -> None:
    made = web.post(f"{V3}/generate", files=text(prompt="a", num_images="2", resolution="512x1536", seed="5")).json()
    assert made["created"] == CREATED and int(datetime.fromisoformat(CREATED).timestamp()) == CREATED_SECONDS
    assert [item["seed"] for item in made["data"]] == [5, 6]
    data = httpx2.get(made["data"][0]["url"]).content
    assert "{}x{}".format(*pictures.look(data).size) == made["data"][0]["resolution"] == "512x1536"
    assert httpx2.get(f"{web.base_url}/ephemeral/99.png").status_code == 403


def test_unsafe_pictures_have_no_url(web: httpx2.Client) -> None:
    made = web.post(f"{V3}/generate", files=text(prompt="[unsafe]", num_images="2")).json()["data"]
    assert [(item["is_image_safe"], item["url"]) for item in made] == [(False, ""), (False, None)]


def test_the_catalog_lists_the_sizes_that_are_taken() -> None:
    for model in ("ideogram-v3", "ideogram-v4"):
        fixed = Catalog.load().capabilities("ideogram", model).sizes.fixed
        assert {f"{width}x{height}" for width, height in fixed} == ENDPOINTS[f"/v1/{model}/generate"].sizes
