"""``/models``: what a key may use, and what it can do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.support.gateway import KEY, SANDBOX, Gateway, gateway_settings, openai_channel
from tests.support.server import free_port

NARROW, DALLE = "narrow-key-0123456789", "dalle-key-0123456789"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """OpenAI's models by name and by glob, the sandbox, and aliases; nothing of it is called."""
    models = {"gpt-image-2": {}, "house": {"upstream": "gpt-image-2"}, "any-*": {"upstream": "gpt-image-2"}}
    channels = [openai_channel(f"http://127.0.0.1:{free_port()}/v1", PROVIDER_KEY, models), SANDBOX]
    keys = [
        {"name": "test", "key": KEY},
        {"name": "narrow", "key": NARROW, "models": ["gpt-*"]},
        {"name": "dalle", "key": DALLE, "models": ["dall-e-*"]},
    ]
    aliases = {"dall-e-*": "sandbox", "best": "house", "dall-e-3": "gpt-image-2"}
    settings = gateway_settings(tmp_path_factory.mktemp("models"), channels, auth={"keys": keys}, aliases=aliases)
    with Gateway(settings) as gateway:
        yield gateway


def get(gateway: Gateway, path: str, key: str = KEY) -> requests.Response:
    return requests.get(gateway.url + path, headers={"Authorization": f"Bearer {key}"}, timeout=10)


def ids(gateway: Gateway, key: str = KEY) -> set[str]:
    return {row["id"] for row in get(gateway, "/v1/models", key).json()["data"]}


def test_the_list_has_every_name_that_is_one(gateway: Gateway) -> None:
    assert ids(gateway) == {"gpt-image-2", "house", "sandbox", "sandbox-slow", "best", "dall-e-3"}


def test_a_key_sees_only_its_own(gateway: Gateway) -> None:
    assert ids(gateway, NARROW) == {"gpt-image-2", "dall-e-3"}, "an alias of a model that the key may use is one it may use"
    assert ids(gateway, DALLE) == {"dall-e-3"}


@pytest.mark.parametrize("prefix", ["/v1", "/api/v1", ""])
def test_it_stands_under_every_prefix(gateway: Gateway, prefix: str) -> None:
    assert get(gateway, f"{prefix}/models").json() == get(gateway, "/v1/models").json()
    assert get(gateway, f"{prefix}/models/sandbox").json()["id"] == "sandbox"


def test_a_row_says_who_serves_it_and_what_it_can_do(gateway: Gateway) -> None:
    row = get(gateway, "/v1/models/house").json()
    assert (row["id"], row["object"], row["owned_by"]) == ("house", "model", "openai")
    assert row["created"] == get(gateway, "/v1/models/gpt-image-2").json()["created"] > 1_700_000_000
    assert row["supported_endpoint_types"] == ["image-generation"]
    assert row["architecture"]["input_modalities"] == ["text", "image"]
    assert set(row["capabilities"]["operations"]) == {"generate", "edit"}
    assert row["capabilities"]["price"]["currency"] == "USD"


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("any-thing", "openai"),
        ("dall-e-2", "sandbox"),
        ("dall-e-3", "openai"),
        ("best", "openai"),
        ("sandbox:sandbox", "sandbox"),
        ("house:openai", "openai"),
    ],
)
def test_a_name_that_only_a_glob_an_alias_or_a_pin_serves_is_found(gateway: Gateway, name: str, owner: str) -> None:
    row = get(gateway, f"/v1/models/{name}").json()
    assert (row["id"], row["owned_by"]) == (name, owner)


@pytest.mark.parametrize("name", ["none", "gpt-image", "sandbox:openai", "a/b/c", "%20", "%2F", "any-%07thing", "x" * 300])
def test_a_name_that_nobody_serves_is_not_found(gateway: Gateway, name: str) -> None:
    answer = get(gateway, f"/v1/models/{name}")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert error["message"].isprintable()


def test_a_model_of_others_looks_like_one_that_is_not_there(gateway: Gateway) -> None:
    hidden, absent = get(gateway, "/v1/models/sandbox", NARROW), get(gateway, "/v1/models/sandbax", NARROW)
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json()["error"]["message"].replace("sandbox", "") == absent.json()["error"]["message"].replace("sandbax", "")


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/sandbox"])
def test_without_a_key_nothing_is_shown(gateway: Gateway, path: str) -> None:
    for answer in (get(gateway, path, "wrong-key"), requests.get(gateway.url + path, timeout=10)):
        assert answer.status_code == 401
        assert "sandbox" not in answer.text


def test_openais_sdk_reads_the_list(gateway: Gateway) -> None:
    with openai.OpenAI(api_key=KEY, base_url=gateway.base_url, max_retries=0) as client:
        models: list[Any] = list(client.models.list())
        assert {model.id for model in models} == ids(gateway)
        assert client.models.retrieve("sandbox").object == "model"


def test_an_alias_without_a_target_cannot_break_the_list(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="alias"):
        gateway_settings(tmp_path, aliases={"best": "nobody"})
