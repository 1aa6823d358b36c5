"""The simulator against OpenAI's own SDK for Azure, and what that SDK does not know in plain HTTP."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai import AzureOpenAI, DefaultHttpxClient, OpenAI
from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent

from tests.simulators.azure import KEY, TRIGGERS, AzureSimulator
from tests.support import pictures

VERSION = "2025-04-01-preview"


@pytest.fixture
def sim() -> Iterator[AzureSimulator]:
    with AzureSimulator() as simulator:
        yield simulator


def connected(sim: AzureSimulator, **more: Any) -> AzureOpenAI:
    given = {"api_key": KEY, "api_version": VERSION, **more}
    return AzureOpenAI(azure_endpoint=sim.url, max_retries=0, http_client=DefaultHttpxClient(verify=False), **given)


@pytest.fixture
def client(sim: AzureSimulator) -> Iterator[AzureOpenAI]:
    with connected(sim) as sdk:
        yield sdk


@pytest.fixture
def web(sim: AzureSimulator) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=sim.url, headers={"api-key": KEY}, verify=False) as raw:
        yield raw


def test_a_deployment(sim: AzureSimulator, client: AzureOpenAI) -> None:
    answer = client.images.generate(model="house", prompt="a cat", n=2, size="1024x1024", quality="low")
    assert answer.data and len(answer.data) == 2 and answer.usage
    request = sim.requests[0]
    assert (request.path, request.query) == ("/openai/deployments/house/images/generations", {"api-version": VERSION})
    assert request.headers["api-key"] == KEY and request.json["model"] == "house"


def test_an_edit(sim: AzureSimulator, client: AzureOpenAI) -> None:
    images = [("a.png", pictures.png()), ("b.png", pictures.png())]
    answer = client.images.edit(model="gpt-image-1.5", image=images, mask=("m.png", pictures.mask()), prompt="bluer")
    assert answer.data
    assert [part.name for part in sim.requests[0].files] == ["image[]", "image[]", "mask"]


def test_a_stream(client: AzureOpenAI) -> None:
    with client.images.generate(model="house", prompt="a cat", stream=True, partial_images=2) as stream:
        kinds = [type(event) for event in stream]
    assert kinds == [ImageGenPartialImageEvent, ImageGenPartialImageEvent, ImageGenCompletedEvent]


def test_an_entra_token(sim: AzureSimulator) -> None:
    with connected(sim, api_key=None, azure_ad_token=KEY) as sdk:
        assert sdk.images.generate(model="house", prompt="a").data
    assert sim.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_v1(sim: AzureSimulator) -> None:
    with OpenAI(base_url=f"{sim.url}/openai/v1", api_key=KEY, http_client=DefaultHttpxClient(verify=False)) as sdk:
        assert sdk.images.generate(model="house", prompt="a").data
        with pytest.raises(openai.NotFoundError) as caught:
            sdk.images.generate(model="nobody", prompt="a")
    assert caught.value.code == "DeploymentNotFound"


def test_dalle(client: AzureOpenAI) -> None:
    answer = client.images.generate(model="dall-e-3", prompt="a cat", quality="hd", response_format="b64_json")
    assert answer.data and answer.data[0].revised_prompt and answer.data[0].b64_json


@pytest.mark.parametrize(
    ("word", "code"),
    [("[filter]", "contentFilter"), ("[policy]", "content_policy_violation"), ("[moderation]", "moderation_blocked")],
)
def test_blocks(client: AzureOpenAI, word: str, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="house", prompt=word)
    assert caught.value.code == code and TRIGGERS[word].status == 400


def test_refusals(sim: AzureSimulator, client: AzureOpenAI) -> None:
    with connected(sim, api_key="wrong") as stranger, pytest.raises(openai.AuthenticationError):
        stranger.images.generate(model="house", prompt="a")
    with connected(sim, api_version="soon") as early, pytest.raises(openai.NotFoundError):
        early.images.generate(model="house", prompt="a")
    with pytest.raises(openai.NotFoundError):
        client.images.generate(model="nobody", prompt="a")
    with pytest.raises(openai.RateLimitError) as caught:
        client.images.generate(model="house", prompt="[rate_limit]")
    assert caught.value.response.headers["retry-after"] == "7" and caught.value.code == "429"
    with pytest.raises(openai.BadRequestError):
        client.images.generate(model="FLUX-1.1-pro", prompt="a", quality="high")


FLUX = "/providers/blackforestlabs/v1/flux-2-pro?api-version=preview"
MAI = "/mai/v1/images/generations?api-version=preview"


def test_flux_2(web: httpx2.Client) -> None:
    picture = base64.b64encode(pictures.png()).decode()
    body = {"model": "FLUX.2-pro", "prompt": "a", "width": 1440, "height": 816, "input_image": picture, "input_image_2": picture}
    answer = web.post(FLUX, json=body).json()
    assert pictures.look(base64.b64decode(answer["data"][0]["b64_json"])).size == (1440, 816)


def test_mai(web: httpx2.Client) -> None:
    answer = web.post(MAI, json={"model": "painter", "prompt": "a", "width": 1024, "height": 768}).json()
    assert pictures.look(base64.b64decode(answer["data"][0]["b64_json"])).size == (1024, 768)
    assert answer["usage"]["num_output_tokens"] == 1024
    form = {"model": "painter", "prompt": "a"}
    edits = "/mai/v1/images/edits?api-version=preview"
    assert web.post(edits, data=form, files={"image": ("a.png", pictures.png(), "image/png")}).json()["data"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (FLUX, {"model": "FLUX.2-flex", "prompt": "a"}, 400),
        (FLUX, {"model": "FLUX.2-pro", "prompt": "a", "num_images": 2}, 400),
        (FLUX, {"model": "FLUX.2-pro", "prompt": "a", "size": "1024x1024"}, 400),
        (FLUX.replace("preview", "2025-04-01"), {"model": "FLUX.2-pro", "prompt": "a"}, 404),
        (MAI, {"model": "painter", "prompt": "a"}, 400),
        (MAI, {"model": "painter", "prompt": "a", "width": 512, "height": 1024}, 400),
        (MAI, {"model": "painter", "prompt": "a", "width": 2048, "height": 2048}, 400),
        (MAI, {"model": "painter", "prompt": "a", "size": "1024x1024"}, 400),
        (MAI, {"model": "house", "prompt": "a", "width": 1024, "height": 1024}, 400),
    ],
)
def test_bad_fields(web: httpx2.Client, path: str, body: dict[str, Any], status: int) -> None:
    answer = web.post(path, json=body)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})
    assert answer.headers["apim-request-id"]
