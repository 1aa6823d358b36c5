"""The simulator against Replicate's own SDK."""

from __future__ import annotations

import io
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError

from tests.simulators.replicate import KEY, VERSION, ReplicateSimulator
from tests.support import pictures

SCHNELL = "black-forest-labs/flux-schnell"


@pytest.fixture
def sim() -> Iterator[ReplicateSimulator]:
    with ReplicateSimulator() as sim:
        yield sim


@pytest.fixture
def client(sim: ReplicateSimulator) -> Iterator[Client]:
    client = Client(api_token=KEY, base_url=sim.url)
    client.poll_interval = 0.01
    yield client
    client._client.close()


def made(output: object) -> list[pictures.Look]:
    """What an output leads to."""
    items = output if isinstance(output, list) else [output]
    return [pictures.look(urlopen(str(item), timeout=5).read()) for item in items]


@pytest.mark.parametrize("looks", [0, 3])
def test_a_run(sim: ReplicateSimulator, client: Client, looks: int) -> None:
    sim.looks = looks
    output = client.run(SCHNELL, input={"prompt": "a cat", "num_outputs": 2, "aspect_ratio": "16:9", "output_format": "jpg"})
    assert made(output) == [("jpeg", (1344, 768), "RGB")] * 2
    (order, *polls) = [request for request in sim.requests if request.path.startswith("/v1")]
    assert (order.path, order.headers["prefer"]) == (f"/v1/models/{SCHNELL}/predictions", "wait")
    assert len(polls) == looks


def test_a_version_and_one_output(client: Client) -> None:
    assert made(client.run(f"somebody/old-model:{VERSION}", input={"prompt": "a"}))
    assert made(client.run("google/nano-banana", input={"prompt": "a", "output_format": "png"})) == [("png", (1024, 1024), "P")]


def test_pictures_are_uploaded_first(sim: ReplicateSimulator, client: Client) -> None:
    picture = io.BytesIO(pictures.png())
    picture.name = "a.png"
    output = client.run("google/nano-banana", input={"prompt": "a", "image_input": [picture], "output_format": "png"})
    assert made(output)
    assert [request.path for request in sim.requests[:2]] == ["/v1/files", "/v1/models/google/nano-banana/predictions"]
    assert sim.requests[1].json["input"]["image_input"] == list(sim.files)


def test_a_prediction_is_looked_at_and_canceled(sim: ReplicateSimulator, client: Client) -> None:
    sim.looks = 5
    prediction = client.models.predictions.create(SCHNELL, input={"prompt": "a"}, wait=False)
    states = [prediction.status]
    prediction.reload()
    states.append(prediction.status)
    prediction.cancel()
    states.append(client.predictions.get(prediction.id).status)
    assert states == ["starting", "processing", "canceled"] and prediction.urls


@pytest.mark.parametrize("word", ["[moderation]", "[nsfw]", "[oom]", "[invalid]"])
def test_a_prediction_that_fails(client: Client, word: str) -> None:
    with pytest.raises(ModelError):
        client.run(SCHNELL, input={"prompt": word})


@pytest.mark.parametrize(
    ("model", "inputs", "status"),
    [
        (SCHNELL, {"prompt": "[rate_limit]"}, 429),
        (SCHNELL, {"prompt": "[quota]"}, 402),
        (SCHNELL, {"prompt": "[500]"}, 500),
        (SCHNELL, {"prompt": "a", "aspect_ratio": "7:1"}, 422),
        (SCHNELL, {}, 422),
        ("nobody/nothing", {"prompt": "a"}, 404),
        (f"a/b:{VERSION[::-1]}", {"prompt": "a"}, 422),
    ],
)
def test_refusals(client: Client, model: str, inputs: dict[str, str], status: int) -> None:
    with pytest.raises(ReplicateError) as caught:
        client.run(model, input=inputs)
    assert caught.value.status == status and caught.value.detail


def test_a_wrong_token(sim: ReplicateSimulator) -> None:
    stranger = Client(api_token="r8_wrong", base_url=sim.url)
    with pytest.raises(ReplicateError, match="Unauthenticated"):
        stranger.run(SCHNELL, input={"prompt": "a"})
    stranger._client.close()
