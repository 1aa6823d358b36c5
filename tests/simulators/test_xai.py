"""The simulator against OpenAI's SDK, which is what xAI tells its customers to use for generations."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx2
import openai
import pytest
from openai import DefaultHttpxClient, OpenAI

from tests.simulators.xai import KEY, XaiSimulator
from tests.support import pictures

MODEL = "grok-imagine-image-2.0"


@pytest.fixture
def sim() -> Iterator[XaiSimulator]:
    with XaiSimulator() as simulator:
        yield simulator


def connected(sim: XaiSimulator, key: str = KEY) -> OpenAI:
    return OpenAI(base_url=sim.base_url, api_key=key, max_retries=0, http_client=DefaultHttpxClient(verify=False))


@pytest.fixture
def client(sim: XaiSimulator) -> Iterator[OpenAI]:
    with connected(sim) as sdk:
        yield sdk


def test_base64(client: OpenAI) -> None:
    more = {"aspect_ratio": "16:9", "resolution": "2k"}
    answer = client.images.generate(model=MODEL, prompt="a cat", n=2, response_format="b64_json", extra_body=more)
    assert answer.data and len(answer.data) == 2
    assert pictures.look(base64.b64decode(answer.data[0].b64_json or "")) == ("jpeg", (2816, 1536), "RGB")
    assert answer.to_dict()["usage"] == {"cost_in_usd_ticks": 800_000_000}


def test_urls_are_the_default_and_need_no_key(client: OpenAI) -> None:
    answer = client.images.generate(model=MODEL, prompt="a cat")
    assert answer.data and answer.data[0].url
    assert pictures.look(httpx2.get(answer.data[0].url).content).size == (1024, 1024)


def test_moderation_is_an_empty_item(client: OpenAI) -> None:
    answer = client.images.generate(model=MODEL, prompt="[moderation]")
    assert answer.data and answer.data[0].to_dict() == {"url": "", "respect_moderation": False}


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"size": "1024x1024"}, openai.BadRequestError),
        ({"seed": 1}, openai.UnprocessableEntityError),
        ({"quality": "hd"}, openai.UnprocessableEntityError),
        ({"quality": "high"}, openai.BadRequestError),
        ({"aspect_ratio": "7:1"}, openai.UnprocessableEntityError),
        ({"resolution": "4k"}, openai.BadRequestError),
        ({"n": 11}, openai.BadRequestError),
    ],
)
def test_refusals(client: OpenAI, more: dict[str, object], error: type[openai.APIStatusError]) -> None:
    with pytest.raises(error):
        client.images.generate(model=MODEL, prompt="a", extra_body=more)


def test_a_model_without_the_resolution(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.images.generate(model="grok-imagine-image", prompt="a", extra_body={"resolution": "1.5k"})


def test_a_wrong_key_is_a_bad_request(sim: XaiSimulator) -> None:
    with connected(sim, "xai-wrong") as stranger, pytest.raises(openai.BadRequestError) as caught:
        stranger.images.generate(model=MODEL, prompt="a")
    assert str(caught.value.response.json()["error"]).startswith("Incorrect API key provided")


def test_the_sdks_edit_is_multipart_and_refused(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError):
        client.images.edit(model=MODEL, image=("a.png", pictures.png()), prompt="x")
