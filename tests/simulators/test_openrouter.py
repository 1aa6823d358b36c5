"""What the OpenRouter simulator refuses and answers, in plain HTTP; openai-python drives its chat."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import orjson
import pytest

from imagegate.catalog.loader import Catalog
from tests.simulators.openrouter import KEY, MODELS, OpenRouterSimulator
from tests.support import pictures

GPT, GEMINI = "openai/gpt-image-2", "google/gemini-3.1-flash-image"
REFERENCE = {"type": "image_url", "image_url": {"url": pictures.data_url(pictures.png())}}


@pytest.fixture(scope="module")
def sim() -> Iterator[OpenRouterSimulator]:
    with OpenRouterSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def web(sim: OpenRouterSimulator) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=sim.base_url, headers={"authorization": f"Bearer {KEY}"}) as raw:
        yield raw


@pytest.mark.parametrize(
    ("model", "fields", "word"),
    [
        (GPT, {"prompt": ""}, "prompt"),
        (GPT, {"n": 11}, "n:"),
        (GPT, {"n": True}, "n:"),
        (GPT, {"quality": "hd"}, "quality"),
        (GPT, {"aspect_ratio": "16:9"}, "aspect_ratio"),
        (GPT, {"moderation": "low"}, "moderation"),
        (GPT, {"partial_images": 2}, "partial_images"),
        (GPT, {"background": "transparent", "output_format": "jpeg"}, "background"),
        (GPT, {"size": "big"}, "size"),
        (GPT, {"input_references": [REFERENCE] * 17}, "too many"),
        (GPT, {"input_references": [{"type": "image_url", "image_url": {"url": "x"}}]}, "not a picture"),
        (GEMINI, {"n": 2}, "n:"),
        (GEMINI, {"stream": True}, "stream"),
        (GEMINI, {"quality": "high"}, "quality"),
        (GEMINI, {"aspect_ratio": "7:5"}, "aspect_ratio"),
        (GEMINI, {"size": "2K", "resolution": "1K"}, "conflicts"),
    ],
)
def test_bad_fields(web: httpx2.Client, model: str, fields: dict[str, Any], word: str) -> None:
    answer = web.post("/images", json={"model": model, "prompt": "a", **fields})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, 400) and word in error["message"]


def test_no_json_no_key_no_model_no_path(web: httpx2.Client) -> None:
    assert web.post("/images", content=b"{").status_code == web.post("/images", json=[]).status_code == 400
    assert web.post("/images", json={}, headers={"authorization": "Bearer x"}).json()["error"]["code"] == 401
    assert web.post("/images", json={"model": "x", "prompt": "a"}).status_code == 404
    assert web.post("/images/generations", json={"model": GPT, "prompt": "a"}).status_code == 404


def test_pictures_and_usage(web: httpx2.Client) -> None:
    fields = {"model": GPT, "prompt": "a", "n": 2, "size": "1536x1024", "output_format": "webp", "input_references": [REFERENCE]}
    made = web.post("/images", json=fields).json()
    assert [pictures.look(base64.b64decode(item["b64_json"]))[:2] for item in made["data"]] == [("webp", (1536, 1024))] * 2
    assert (made["data"][0]["media_type"], made["usage"]["cost"]) == ("image/webp", 0.078)
    fields = {"model": GEMINI, "prompt": "a", "aspect_ratio": "16:9", "resolution": "2K"}
    (item,) = web.post("/images", json=fields).json()["data"]
    assert pictures.look(base64.b64decode(item["b64_json"])).size == (2752, 1536)


def test_a_stream(web: httpx2.Client) -> None:
    text = web.post("/images", json={"model": GPT, "prompt": "a", "stream": True}).text
    comment, *frames, done, end = text.split("\n\n")
    kinds = [orjson.loads(frame.removeprefix("data: "))["type"].rpartition(".")[2] for frame in frames]
    assert kinds == ["text_chunk", *["partial_image"] * 3, "completed"]
    assert (comment, done, end) == (": OPENROUTER PROCESSING", "data: [DONE]", "")


def test_chat_with_the_sdk(sim: OpenRouterSimulator) -> None:
    with openai.OpenAI(api_key=KEY, base_url=sim.base_url, max_retries=0) as sdk:
        made = sdk.chat.completions.create(
            model=GEMINI,
            messages=[{"role": "user", "content": [{"type": "text", "text": "a house"}]}],
            extra_body={"modalities": ["image", "text"], "image_config": {"aspect_ratio": "3:2"}},
        )
        extra = made.choices[0].message.model_extra or {}
        assert extra["images"][0]["image_url"]["url"].startswith("data:image/png;base64,")
        assert made.usage and made.usage.completion_tokens == 1290
        with pytest.raises(openai.NotFoundError):
            sdk.chat.completions.create(model=GEMINI, messages=[{"role": "user", "content": "a house"}])


def test_a_look_at_the_key_costs_nothing(web: httpx2.Client) -> None:
    assert web.get("/key").status_code == 200
    assert web.get("/key", headers={"authorization": "Bearer no"}).status_code in {401, 403}


def test_the_catalog_lists_the_models() -> None:
    assert set(Catalog.load().models("openrouter")) == MODELS.keys()
