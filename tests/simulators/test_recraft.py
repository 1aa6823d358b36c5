"""What the Recraft simulator refuses and answers. Recraft's documentation recommends openai-python; it drives this."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from imagegate.catalog.loader import Catalog
from tests.simulators.recraft import KEY, MODELS, RecraftSimulator
from tests.support import pictures

IMAGE = ("image", ("a.png", pictures.png((64, 64)), "image/png"))


@pytest.fixture(scope="module")
def sim() -> Iterator[RecraftSimulator]:
    with RecraftSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def sdk(sim: RecraftSimulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=sim.base_url, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def web(sim: RecraftSimulator) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"{sim.base_url}/images", headers={"authorization": f"Bearer {KEY}"}) as raw:
        yield raw


def test_the_sdk_generates(sdk: openai.OpenAI) -> None:
    made = sdk.images.generate(
        model="recraftv3",
        prompt="a cat",
        n=2,
        size="1820x1024",
        response_format="b64_json",
        extra_body={"style": "realistic_image", "controls": {"no_text": True}, "image_format": "png"},
    )
    looks = [pictures.look(base64.b64decode(item.b64_json or ""))[:2] for item in made.data or []]
    assert looks == [("png", (1820, 1024))] * 2
    assert made.model_extra == {"credits": 80}


def test_urls_need_no_key(sdk: openai.OpenAI) -> None:
    made = sdk.images.generate(model="recraftv4_vector", prompt="a cat")
    assert made.data and made.data[0].url
    assert httpx2.get(made.data[0].url).content.startswith(b"<svg")


def test_the_sdk_sees_errors(sdk: openai.OpenAI) -> None:
    stranger = sdk.with_options(api_key="no")
    with pytest.raises(openai.AuthenticationError):
        stranger.images.generate(model="recraftv3", prompt="a")
    with pytest.raises(openai.RateLimitError):
        sdk.images.generate(model="recraftv3", prompt="[rate_limit]")
    with pytest.raises(openai.BadRequestError, match="size"):
        sdk.images.generate(model="recraftv3", prompt="a", size="1536x768")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "a" * 10_001}, "prompt"),
        ({"model": "recraftv3", "prompt": "a" * 1001}, "prompt"),
        ({"model": "recraftv9"}, "model"),
        ({"n": 7}, "n:"),
        ({"n": "2"}, "n:"),
        ({"n": True}, "n:"),
        ({"size": "1024x1536"}, "size"),
        ({"style": "realistic_image"}, "style"),
        ({"response_format": "png"}, "response_format"),
        ({"quality": "high"}, "quality"),
        ({"model": "recraftv4_styles"}, "style_id"),
        ({"model": "recraftv4_1_flash", "controls": {}}, "controls"),
    ],
)
def test_bad_fields(web: httpx2.Client, fields: dict[str, Any], word: str) -> None:
    answer = web.post("/generations", json={"prompt": "a", "model": "recraftv4_1", **fields})
    assert answer.status_code == 400 and set(answer.json()) == {"code", "message"} and word in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "texts", "files"),
    [
        ("imageToImage", {"prompt": "a"}, [IMAGE]),
        ("imageToImage", {"prompt": "a", "strength": "2"}, [IMAGE]),
        ("imageToImage", {"prompt": "a", "strength": "0.5", "size": "1024x1024"}, [IMAGE]),
        ("imageToImage", {"prompt": "a", "strength": "0.5", "model": "recraftv2"}, [IMAGE]),
        ("imageToImage", {"prompt": "a", "strength": "0.5"}, [("image", ("a.png", b"no", "image/png"))]),
        ("inpaint", {"prompt": "a", "model": "recraftv3"}, [IMAGE]),
        ("inpaint", {"prompt": "a", "model": "recraftv3"}, [IMAGE, ("mask", IMAGE[1])]),
        ("inpaint", {"prompt": "a", "model": "recraftv4_1"}, [IMAGE, ("mask", IMAGE[1])]),
    ],
)
def test_bad_edits(web: httpx2.Client, path: str, texts: dict[str, str], files: Any) -> None:
    assert web.post(f"/{path}", data={"model": "recraftv4_1", **texts}, files=files).status_code == 400


def test_plain_text_errors(web: httpx2.Client) -> None:
    assert web.post("/none").text == "404 page not found"
    assert web.post("/generations", json=[]).status_code == web.post("/generations", content=b"{").status_code == 400
    assert httpx2.get(f"{str(web.base_url).partition('/v1')[0]}/signed/none").status_code == 404


def test_a_look_at_the_account_costs_nothing(sim: RecraftSimulator) -> None:
    url = f"{sim.base_url}/users/me"
    assert httpx2.get(url, headers={"authorization": f"Bearer {KEY}"}).json()["credits"] == 1000
    assert httpx2.get(url).text == "request unauthorized"


def test_the_catalog_lists_the_models_and_their_sizes() -> None:
    catalog = Catalog.load()
    assert set(catalog.models("recraft")) == {name for name in MODELS if "_styles" not in name}
    for name, model in MODELS.items():
        fixed = catalog.capabilities("recraft", name).sizes.fixed
        assert {f"{width}x{height}" for width, height in fixed} == set(model.sizes)
