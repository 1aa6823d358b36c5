"""One gateway for all client tests of a process: the sandbox, and a channel to OpenAI's simulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests.clients.sdk import connect
from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.simulators.openai import OpenAISimulator
from tests.simulators.openai_rules import MODELS
from tests.support.gateway import SANDBOX, Gateway, gateway_settings, openai_channel

NOT_OURS = ("dall-e-2", "dall-e-3")
"""Old names that lead to the sandbox, as they do on a server without configuration."""


@pytest.fixture(scope="session")
def provider() -> Iterator[OpenAISimulator]:
    """OpenAI, strict about what it takes."""
    with OpenAISimulator() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def gateway(provider: OpenAISimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The server that the clients talk to."""
    channel = openai_channel(provider.base_url, PROVIDER_KEY, [name for name in MODELS if name not in NOT_OURS])
    settings = gateway_settings(tmp_path_factory.mktemp("gateway"), [channel, SANDBOX])
    with Gateway(settings) as running:
        yield running
        assert not list(running.spool.iterdir()), "uploads were left behind"


@pytest.fixture
def sim(provider: OpenAISimulator) -> OpenAISimulator:
    """The provider as new: what one test scripted or recorded does not reach the next."""
    fresh = OpenAISimulator()
    provider.requests.clear()
    provider.picture, provider.preview = fresh.picture, fresh.preview
    provider.streaming = fresh.streaming
    provider.extra_top, provider.extra_item = fresh.extra_top, fresh.extra_item
    return provider


@pytest.fixture(scope="session")
def client(gateway: Gateway) -> Iterator[OpenAI]:
    """openai-python with its own defaults, but without retries."""
    with connect(gateway, max_retries=0) as sdk:
        yield sdk
