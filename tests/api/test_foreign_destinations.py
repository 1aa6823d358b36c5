"""Nothing in a request moves a provider call to another place or gives it another credential (CVE-2024-6587 and its kin)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.bad_requests import GENERATIONS, MODEL, TEXTS, Answer, Lab
from tests.api.openai import shapes
from tests.simulators.base import Recorded
from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.support import pictures
from tests.support.raw_server import silent
from tests.support.server import RawServer

DEPLOYED = f"/openai/deployments/{MODEL}/images/generations"


@pytest.fixture
def elsewhere() -> Iterator[RawServer]:
    """A server that must not be called."""
    with RawServer(silent) as server:
        yield server
        assert server.connections == 0, "the gateway called a place that a client named"


def foreign(url: str) -> dict[str, Any]:
    """Everything that gateways and SDKs have read as destination or credential."""
    return {
        "api_base": url,
        "base_url": url,
        "api_key": "sk-foreign",
        "api_version": "2020-01-01",
        "user_config": {"model_list": [{"model_name": MODEL, "litellm_params": {"api_base": url, "api_key": "sk-foreign"}}]},
        "extra_headers": {"Authorization": "Bearer sk-foreign", "Host": "evil.test"},
        "organization": "org-foreign",
        "proxy": url,
        "custom_host": url,
    }


def recorded(lab: Lab) -> Recorded:
    """The one call that the provider got; at its own address, with the operator's key and nothing of the caller's."""
    assert lab.simulator.calls == 1
    request = lab.simulator.requests[0]
    assert request.headers["host"] == lab.simulator.url.removeprefix("http://")
    assert request.headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert "foreign" not in repr(request)
    return request


def check_dropped(answer: Answer, names: dict[str, Any]) -> None:
    assert answer.status == 200, answer
    assert set(names) <= set(answer.headers["x-imagegate-dropped-params"].split(","))


@pytest.mark.parametrize("path", [GENERATIONS, DEPLOYED])
@pytest.mark.parametrize("nested", [False, True])
def test_in_a_json_body(lab: Lab, elsewhere: RawServer, path: str, nested: bool) -> None:
    names = foreign(elsewhere.url)
    fields = {"extra_body": names} if nested else names
    check_dropped(lab.post_json(path, {"model": MODEL, "prompt": "a cat", **fields}), names)
    assert recorded(lab).json == {"model": MODEL, "prompt": "a cat"}


def test_in_an_object_within_an_object(lab: Lab, elsewhere: RawServer) -> None:
    inner = foreign(elsewhere.url)
    answer = lab.generate(extra_body={"extra_body": inner, "model": "evil", "prompt": "evil"})
    assert answer.status == 200
    assert recorded(lab).json == {"model": MODEL, "prompt": "a cat"}


def test_in_a_json_edit(lab: Lab, elsewhere: RawServer) -> None:
    names = foreign(elsewhere.url)
    check_dropped(lab.edit(image=pictures.data_url(shapes.PNG), **names), names)
    assert set(recorded(lab).fields) == {"model", "prompt"}


def test_in_a_form(lab: Lab, elsewhere: RawServer) -> None:
    names = foreign(elsewhere.url)
    texts = [shapes.text(name, value if isinstance(value, str) else json.dumps(value)) for name, value in names.items()]
    answer = lab.post_form([*TEXTS, *texts, shapes.file("image", "a.png", shapes.PNG)])
    check_dropped(answer, names)
    assert set(recorded(lab).fields) == {"model", "prompt"}


HEADERS = {
    "Host": "evil.test",
    "X-Forwarded-Host": "foreign.test",
    "X-Forwarded-For": "203.0.113.9",
    "Forwarded": "host=foreign.test",
    "X-Portkey-Custom-Host": "http://foreign.test",
    "X-Custom-Host": "http://foreign.test",
    "OpenAI-Organization": "org-foreign",
    "OpenAI-Project": "proj-foreign",
    "x-api-key": "sk-foreign",
    "Cookie": "session=foreign",
    "Proxy-Authorization": "Basic foreign",
    "Connection": "keep-alive, x-foreign",
    "X-Foreign": "foreign",
    "Traceparent": "00-foreign-01",
    "User-Agent": "foreign/1.0",
    "Accept-Encoding": "gzip, foreign",
}


def test_in_headers(lab: Lab) -> None:
    answer = lab.post_json(GENERATIONS, {"model": MODEL, "prompt": "a cat"}, HEADERS)
    assert answer.status == 200
    sent = recorded(lab).headers
    assert set(sent) <= {"host", "authorization", "content-type", "content-length", "accept", "accept-encoding", "user-agent"}


MODELS = [
    "http://foreign.test/v1",
    "openai/http://foreign.test",
    "any-/../../../foreign",
    f"{MODEL}@foreign.test",
    f"{MODEL}?x=1",
]


@pytest.mark.parametrize("model", MODELS)
def test_in_a_model_name(lab: Lab, model: str) -> None:
    """A name that a glob serves goes into the body as the operator wrote it; others are not found."""
    answer = lab.generate(model=model)
    if model.startswith("any-"):
        assert answer.status == 200
        assert recorded(lab).path == "/v1/images/generations"
    else:
        lab.refused(answer, 404, "model_not_found", "model")


def test_a_callers_field_replaces_neither_model_nor_prompt(lab: Lab) -> None:
    picture = shapes.file("image", "a.png", shapes.PNG)
    later = [shapes.text("extra_body", '{"model": "foreign", "prompt": "foreign", "n": 1}')]
    answer = lab.post_form([*TEXTS, picture, *later])
    assert answer.status == 200
    assert recorded(lab).fields == {"model": MODEL, "prompt": "a cat"}
