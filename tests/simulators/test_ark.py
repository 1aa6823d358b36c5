"""The simulator against Volcengine's own SDK: if the SDK is happy, the shape is right."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import httpx
import httpx2
import pytest

from tests.simulators.ark import KEY, ArkSimulator
from tests.support import pictures

ark: Any = import_module("volcenginesdkarkruntime")  # has no types
errors: Any = import_module("volcenginesdkarkruntime._exceptions")
types: Any = import_module("volcenginesdkarkruntime.types.images")

LITE, PRO = "seedream-5-0-lite-260128", "doubao-seedream-5-0-pro-260628"
IMAGE = pictures.data_url(pictures.png((64, 64)))


@pytest.fixture
def sim() -> Iterator[ArkSimulator]:
    with ArkSimulator() as simulator:
        yield simulator


def connected(sim: ArkSimulator, key: str = KEY) -> Any:
    """A client to close; it reads no certificates, which is most of the time that a client takes to make."""
    return ark.Ark(api_key=key, base_url=sim.base_url, max_retries=0, http_client=httpx.Client(verify=False, trust_env=False))


@pytest.fixture
def client(sim: ArkSimulator) -> Iterator[Any]:
    sdk = connected(sim)
    yield sdk
    sdk.close()


def test_the_sdk_sends_nulls_and_gets_its_picture(sim: ArkSimulator, client: Any) -> None:
    answer = client.images.generate(model=LITE, prompt="a cat", response_format="b64_json", size="2K", watermark=False)
    assert {"seed", "image", "tools"} <= {name for name, value in sim.requests[0].json.items() if value is None}
    (image,) = answer.data
    assert pictures.look(base64.b64decode(image.b64_json)).size == (2048, 2048)
    assert (image.size, image.output_format, answer.model) == ("2048x2048", "jpeg", LITE)
    assert (answer.usage.generated_images, answer.usage.output_tokens) == (1, 16384)
    assert answer.created > 0


def test_urls_need_no_key(client: Any) -> None:
    answer = client.images.generate(model=PRO, prompt="a cat", image=[IMAGE, IMAGE], size="1024x1024", output_format="png")
    look = pictures.look(httpx2.get(answer.data[0].url).content)
    assert (look.format, look.size) == ("png", (1024, 1024))


def test_a_group_with_a_blocked_picture(sim: ArkSimulator, client: Any) -> None:
    sim.blocked = {1}
    options = types.SequentialImageGenerationOptions(max_images=4)
    answer = client.images.generate(
        model=LITE,
        prompt="four seasons",
        sequential_image_generation="auto",
        sequential_image_generation_options=options,
    )
    assert len(answer.data) == 3
    assert answer.data[1].error["code"] == "OutputImageSensitiveContentDetected"
    assert answer.usage.generated_images == 2


def test_layers(client: Any) -> None:
    answer = client.images.generate(model=PRO, prompt="", image=IMAGE, layer_decomposition=True)
    base, first, _ = answer.data
    assert (base.z_index, base.name, first.z_index, first.bounding_box.normalized) == (0, None, 1, [0, 0, 500, 500])


def stream(client: Any) -> Iterator[Any]:
    group = {"sequential_image_generation": "auto", "response_format": "b64_json"}
    events: Iterator[Any] = client.images.generate(model=LITE, prompt="a cat", stream=True, **group)
    return events


def test_a_stream_of_whole_pictures(client: Any) -> None:
    first, second, third, end = stream(client)
    assert (first.type, first.image_index, third.image_index) == ("image_generation.partial_succeeded", 0, 2)
    assert pictures.look(base64.b64decode(second.b64_json)).size == (2048, 2048)
    assert (end.type, end.usage["generated_images"]) == ("image_generation.completed", 3)


def test_a_blocked_picture_in_a_stream(sim: ArkSimulator, client: Any) -> None:
    sim.blocked = {1}
    events = stream(client)
    next(events)
    with pytest.raises(errors.ArkAPIError, match="sensitive"):  # the SDK gives up here, though a picture would follow
        next(events)


@pytest.mark.parametrize(
    ("given", "kind", "code", "param"),
    [
        ({"prompt": "[content]"}, errors.ArkBadRequestError, "InputTextSensitiveContentDetected.PolicyViolation", ""),
        ({"size": "1x1"}, errors.ArkBadRequestError, "InvalidParameter", "size"),
        ({"size": "1K"}, errors.ArkBadRequestError, "InvalidParameter", "size"),
        ({"seed": 1}, errors.ArkBadRequestError, "InvalidParameter", "seed"),
        ({"image": "data:image/png;base64,AAAA"}, errors.ArkBadRequestError, "InvalidImageURL.InvalidFormat", "image"),
        ({"image": [IMAGE] * 15}, errors.ArkBadRequestError, "InvalidParameter", "image"),
        ({"layer_decomposition": True}, errors.ArkBadRequestError, "InvalidParameter", "layer_decomposition"),
        ({"model": PRO, "stream": True}, errors.ArkBadRequestError, "InvalidParameter", "stream"),
        ({"model": "seedream-9", "size": "1x1"}, errors.ArkNotFoundError, "InvalidEndpointOrModel.NotFound", ""),
        ({"prompt": "[rate]"}, errors.ArkRateLimitError, "ModelAccountIpmRateLimitExceeded", ""),
        ({"prompt": "[overdue]"}, errors.ArkPermissionDeniedError, "AccountOverdueError", ""),
        ({"prompt": "[500]"}, errors.ArkInternalServerError, "InternalServiceError", ""),
    ],
)
def test_refusals(client: Any, given: dict[str, Any], kind: type[Exception], code: str, param: str) -> None:
    with pytest.raises(kind) as caught:
        client.images.generate(**{"model": LITE, "prompt": "a cat", **given})
    assert (vars(caught.value)["code"], vars(caught.value)["param"]) == (code, param)
    assert "Request id: " in vars(caught.value)["message"]


def test_a_wrong_key(sim: ArkSimulator) -> None:
    sdk = connected(sim, "another")
    with pytest.raises(errors.ArkAuthenticationError):
        sdk.images.generate(model=LITE, prompt="a cat")
    sdk.close()
