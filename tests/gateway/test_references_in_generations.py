"""Generations that bring pictures, as clients of other providers send them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.simulators.openai import OpenAISimulator
from tests.support import pictures
from tests.support.gateway import KEY, Gateway, gateway_settings, openai_channel


@pytest.fixture
def simulator() -> Iterator[OpenAISimulator]:
    with OpenAISimulator(PROVIDER_KEY) as simulator:
        yield simulator


@pytest.fixture
def client(simulator: OpenAISimulator, tmp_path: Path) -> Iterator[openai.OpenAI]:
    settings = gateway_settings(tmp_path, [openai_channel(simulator.base_url, PROVIDER_KEY, ["gpt-image-2"])])
    with Gateway(settings) as gateway, openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("several", [False, True])
def test_a_picture_in_a_generation_is_not_lost(client: openai.OpenAI, simulator: OpenAISimulator, several: bool) -> None:
    url = pictures.data_url(pictures.png((64, 64)))
    client.images.generate(model="gpt-image-2", prompt="the same at night", extra_body={"image": [url, url] if several else url})
    recorded = simulator.requests[-1]
    assert recorded.path == "/v1/images/edits"
    assert len(recorded.files) == (2 if several else 1)


def test_its_events_keep_the_names_of_the_endpoint_that_was_called(client: openai.OpenAI) -> None:
    url = pictures.data_url(pictures.png((64, 64)))
    with client.images.generate(
        model="gpt-image-2", prompt="x", stream=True, partial_images=1, extra_body={"images": [{"image_url": url}]}
    ) as stream:
        assert [event.type for event in stream] == ["image_generation.partial_image", "image_generation.completed"]
