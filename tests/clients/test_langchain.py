"""LangChain's DallEAPIWrapper: asks for dall-e-2, never says how it wants its pictures, and joins their urls."""

from __future__ import annotations

import warnings

import httpx2

from tests.support import pictures
from tests.support.gateway import KEY, Gateway

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    from langchain_community.utilities.dalle_image_generator import DallEAPIWrapper


def urls(gateway: Gateway, **options: object) -> list[str]:
    """What an agent gets for its prompt."""
    wrapper = DallEAPIWrapper.model_validate({"api_key": KEY, "base_url": gateway.base_url, **options})
    try:
        return wrapper.run("a fox at dawn").split("\n")
    finally:
        wrapper.client._client.close()  # the wrapper itself never does


def test_its_default_model(gateway: Gateway) -> None:
    (url,) = urls(gateway)
    assert url.startswith(f"{gateway.url}/i/")
    got = httpx2.get(url)
    assert got.headers["content-type"] == "image/png"
    assert pictures.look(got.content) == ("png", (1024, 1024), "RGB")


def test_several_of_dalle_3(gateway: Gateway) -> None:
    found = urls(gateway, model="dall-e-3", n=2, size="256x256", quality="hd")
    assert [pictures.look(httpx2.get(url).content).size for url in found] == [(256, 256)] * 2
    assert len(set(found)) == 2
