"""The simulator against Together's own SDK."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx
import httpx2
import pytest
import together
from together import Together
from together.types.image_data_b64 import ImageDataB64
from together.types.image_data_url import ImageDataURL

from tests.simulators.together import KEY, TogetherSimulator
from tests.support import pictures

MODEL = "black-forest-labs/FLUX.2-pro"


@pytest.fixture
def sim() -> Iterator[TogetherSimulator]:
    with TogetherSimulator() as simulator:
        yield simulator


def connected(sim: TogetherSimulator, key: str = KEY) -> Together:
    return Together(api_key=key, base_url=sim.url, max_retries=0, http_client=httpx.Client(verify=False))


@pytest.fixture
def client(sim: TogetherSimulator) -> Iterator[Together]:
    with connected(sim) as sdk:
        yield sdk


def test_base64(sim: TogetherSimulator, client: Together) -> None:
    answer = client.images.generate(
        model=MODEL, prompt="a cat", n=2, width=1024, height=768, response_format="base64", output_format="png", seed=1
    )
    first = answer.data[0]
    assert isinstance(first, ImageDataB64) and (first.index, len(answer.data)) == (0, 2)
    assert pictures.look(base64.b64decode(first.b64_json)) == ("png", (1024, 768), "P")
    assert (answer.model, answer.object, sim.requests[0].path) == (MODEL, "list", "/v1/images/generations")
    type(answer).model_validate(answer.model_dump(), strict=True)


def test_urls_are_the_default_and_need_no_key(client: Together) -> None:
    first = client.images.generate(model=MODEL, prompt="a cat").data[0]
    assert isinstance(first, ImageDataURL)
    assert pictures.look(httpx2.get(first.url).content) == ("jpeg", (1024, 1024), "RGB")


def test_references(client: Together) -> None:
    url = pictures.data_url(pictures.png())
    assert client.images.generate(model=MODEL, prompt="bluer", reference_images=[url, url]).data
    assert client.images.generate(model="black-forest-labs/FLUX.1-kontext-pro", prompt="bluer", image_url=url).data
    with pytest.raises(together.BadRequestError):
        client.images.generate(model="black-forest-labs/FLUX.1-schnell", prompt="bluer", image_url=url)


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("[rate_limit]", together.RateLimitError),
        ("[nsfw]", together.UnprocessableEntityError),
        ("[500]", together.InternalServerError),
        ("[503]", together.InternalServerError),
    ],
)
def test_triggers(client: Together, word: str, error: type[together.APIStatusError]) -> None:
    with pytest.raises(error):
        client.images.generate(model=MODEL, prompt=word)


def test_no_credit(client: Together) -> None:
    with pytest.raises(together.APIStatusError) as caught:
        client.images.generate(model=MODEL, prompt="[quota]")
    assert caught.value.status_code == 402


def test_wrong_key_unknown_model_and_bad_field(sim: TogetherSimulator, client: Together) -> None:
    with connected(sim, "wrong") as stranger, pytest.raises(together.AuthenticationError):
        stranger.images.generate(model=MODEL, prompt="a")
    with pytest.raises(together.NotFoundError):
        client.images.generate(model="nothing", prompt="a")
    with pytest.raises(together.BadRequestError):
        client.images.generate(model=MODEL, prompt="a", extra_body={"response_format": "b64_json"})
