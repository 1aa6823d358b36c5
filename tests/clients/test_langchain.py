"""LangChain's DallEAPIWrapper: asks for dall-e-2, never says how it wants its pictures, and joins their urls."""

from __future__ import annotations

import warnings

import httpx2

from tests.simulators.openai import OpenAISimulator
from tests.support import pictures
from tests.support.gateway import KEY, Gateway

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    from langchain_community.utilities.dalle_image_generator import DallEAPIWrapper


def wrapper(gateway: Gateway, **options: object) -> DallEAPIWrapper:
    """As its documentation makes it; the key and the base url may also stand in the environment."""
    return DallEAPIWrapper.model_validate({"api_key": KEY, "base_url": gateway.base_url, **options})


def test_its_default_model(gateway: Gateway) -> None:
    url = wrapper(gateway).run("a fox at dawn")
    assert url.startswith(f"{gateway.url}/i/")
    got = httpx2.get(url)
    assert got.headers["content-type"] == "image/png"
    assert pictures.look(got.content) == ("png", (1024, 1024), "RGB")


def test_several(gateway: Gateway) -> None:
    urls = wrapper(gateway, n=2, size="256x256").run("a fox at dawn").split("\n")
    assert [pictures.look(httpx2.get(url).content).size for url in urls] == [(256, 256)] * 2
    assert len(set(urls)) == 2


def test_a_model_of_today_that_is_asked_for_urls(gateway: Gateway, sim: OpenAISimulator) -> None:
    url = wrapper(gateway, model="gpt-image-2", model_kwargs={}, size="1024x1024").client.generate(
        prompt="a fox", model="gpt-image-2", response_format="url"
    )
    assert pictures.look(httpx2.get(url.data[0].url).content).format == "png"
    assert sim.calls == 1
