"""The simulator in plain HTTP, and with openai-python, which Qianfan names as a client of its API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import openai
import pytest
from openai import DefaultHttpxClient, OpenAI

from tests.simulators.qianfan import KEY, QianfanSimulator
from tests.support import pictures


@pytest.fixture
def sim() -> Iterator[QianfanSimulator]:
    with QianfanSimulator() as simulator:
        yield simulator


@pytest.fixture
def client(sim: QianfanSimulator) -> Iterator[OpenAI]:
    with OpenAI(base_url=sim.base_url, api_key=KEY, max_retries=0, http_client=DefaultHttpxClient(verify=False)) as sdk:
        yield sdk


def test_a_generation(sim: QianfanSimulator, client: OpenAI) -> None:
    made = client.images.generate(model="irag-1.0", prompt="a cat", n=2, size="1024x1024")
    assert made.data is not None and len(made.data) == 2
    with urlopen(made.data[0].url or "", timeout=5) as answer:
        assert pictures.look(answer.read()) == ("jpeg", (1024, 1024), "RGB")


def test_an_edit_is_json(client: OpenAI) -> None:
    body = {"model": "ernie-irag-edit", "prompt": "a cat", "image": pictures.data_url(pictures.png())}
    made: Any = client.post("/images/edits", body=body, cast_to=object)
    assert made["data"][0]["url"]


@pytest.mark.parametrize(
    ("given", "kind", "code"),
    [
        ({"prompt": "[content]"}, openai.PermissionDeniedError, "prompt_unsafe"),
        ({"prompt": "[rate]"}, openai.RateLimitError, "rpm_rate_limit_exceeded"),
        ({"prompt": "[500]"}, openai.InternalServerError, "image_genration_interal_error"),
        ({"prompt": ""}, openai.BadRequestError, "invalid_image_genration_prompt"),
        ({"model": "nobody"}, openai.AuthenticationError, "invalid_model"),
        ({"n": 2}, openai.BadRequestError, "invalid_argument"),
        ({"size": "256x256"}, openai.BadRequestError, "invalid_argument"),
        ({"quality": "hd"}, openai.BadRequestError, "invalid_argument"),
    ],
)
def test_refusals(client: OpenAI, given: dict[str, Any], kind: type[openai.APIStatusError], code: str) -> None:
    asked: dict[str, Any] = {"model": "qwen-image", "prompt": "a cat", **given}
    with pytest.raises(kind) as caught:
        client.images.generate(**asked)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "given",
    [{}, {"image": "cat.png"}, {"image": "https://a/b.png", "feature": "erase"}, {"image": "https://a/b.png", "feature": "x"}],
)
def test_edits_that_are_refused(client: OpenAI, given: dict[str, str]) -> None:
    with pytest.raises(openai.BadRequestError):
        client.post("/images/edits", body={"model": "ernie-irag-edit", "prompt": "a cat", **given}, cast_to=object)


def test_another_key(sim: QianfanSimulator) -> None:
    with (
        OpenAI(base_url=sim.base_url, api_key="x", max_retries=0, http_client=DefaultHttpxClient(verify=False)) as other,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        other.images.generate(model="qwen-image", prompt="a cat")
    assert caught.value.code == "invalid_iam_token"
