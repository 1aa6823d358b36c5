"""The simulator against Hugging Face's own SDK, whose constant for the router is pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from huggingface_hub import InferenceClient, constants
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import InferenceProviderMapping
from huggingface_hub.inference._providers._common import HARDCODED_MODEL_INFERENCE_MAPPING
from huggingface_hub.utils._http import close_session
from PIL import Image

from tests.simulators.huggingface import KEY, VERSION, HuggingFaceSimulator
from tests.support import pictures


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[HuggingFaceSimulator]:
    with HuggingFaceSimulator() as sim:
        monkeypatch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", sim.url + "/{provider}")
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)  # it asks the Hub what runs it
        yield sim
        close_session()


def connected(monkeypatch: pytest.MonkeyPatch, provider: Any, model: str, task: str, key: str = KEY) -> InferenceClient:
    """A client that need not ask the Hub what a provider calls its model."""
    new: Any = InferenceProviderMapping  # untyped
    row = new(provider=provider, hf_model_id="a/b", providerId=model, status="live", task=task)
    monkeypatch.setitem(HARDCODED_MODEL_INFERENCE_MAPPING[provider], "a/b", row)
    return InferenceClient(model="a/b", provider=provider, api_key=key)


@pytest.mark.parametrize("path", ["/", "/hf-inference/models/black-forest-labs/FLUX.1-schnell"])
def test_inference(sim: HuggingFaceSimulator, path: str) -> None:
    client = InferenceClient(model=f"{sim.url}{path}", api_key=KEY)
    made = client.text_to_image("a cat", width=640, height=320, num_inference_steps=4, guidance_scale=1.5, seed=3)
    assert isinstance(made, Image.Image) and made.size == (640, 320)
    edited = client.image_to_image(pictures.png((64, 32)), prompt="a dog")
    assert edited.size == (64, 32)
    assert set(sim.requests[1].json) == {"inputs", "parameters"}


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("together", "black-forest-labs/FLUX.1-schnell"),
        ("nscale", "black-forest-labs/FLUX.1-schnell"),
        ("fal-ai", "fal-ai/flux/schnell"),
        ("replicate", "black-forest-labs/flux-schnell"),
        ("replicate", f"somebody/old:{VERSION}"),
    ],
)
def test_providers(sim: HuggingFaceSimulator, monkeypatch: pytest.MonkeyPatch, provider: str, model: str) -> None:
    client = connected(monkeypatch, provider, model, "text-to-image")
    assert client.text_to_image("a cat", width=512, height=256, num_inference_steps=4).size == (512, 256)
    assert sim.requests[0].path.startswith(f"/{provider}/")


@pytest.mark.parametrize(
    ("provider", "model"), [("together", "black-forest-labs/FLUX.1-kontext-dev"), ("together", "flux-2"), ("replicate", "a/b")]
)
def test_edits(sim: HuggingFaceSimulator, monkeypatch: pytest.MonkeyPatch, provider: str, model: str) -> None:
    client = connected(monkeypatch, provider, model, "image-to-image")
    assert client.image_to_image(pictures.png(), prompt="bluer").size == (1024, 1024)


@pytest.mark.parametrize(
    ("word", "status"),
    [("[rate_limit]", 429), ("[quota]", 402), ("[gone]", 410), ("[503]", 503), ("[500]", 500), ("[list]", 400)],
)
def test_refusals(sim: HuggingFaceSimulator, word: str, status: int) -> None:
    client = InferenceClient(model=f"{sim.url}/", api_key=KEY)
    with pytest.raises(HfHubHTTPError) as caught:
        client.text_to_image(word)
    assert caught.value.response.status_code == status


def test_a_wrong_token(sim: HuggingFaceSimulator) -> None:
    with pytest.raises(HfHubHTTPError) as caught:
        InferenceClient(model=f"{sim.url}/", api_key="hf_wrong").text_to_image("a")
    assert caught.value.response.status_code == 401
