"""The simulator against Zhipu's own SDK: if the SDK is happy, the shape is right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import httpx
import pytest
import zai
from zai.types.image import AsyncImagesResponded, ImagesResponded

from tests.simulators.zhipu import KEY, ZhipuSimulator
from tests.support import pictures


@pytest.fixture
def sim() -> Iterator[ZhipuSimulator]:
    with ZhipuSimulator() as simulator:
        yield simulator


@pytest.fixture
def client(sim: ZhipuSimulator) -> Iterator[zai.ZhipuAiClient]:
    with httpx.Client(verify=False) as http:
        yield zai.ZhipuAiClient(api_key=KEY, base_url=sim.base_url, max_retries=0, http_client=http)


def seen(url: str | None) -> pictures.Look:
    with urlopen(url or "", timeout=5) as answer:
        return pictures.look(answer.read())


def test_a_picture_at_once(sim: ZhipuSimulator, client: zai.ZhipuAiClient) -> None:
    made = client.images.generations(
        model="cogview-4-250304",
        prompt="一只猫",
        size="1344x768",
        quality="hd",
        user_id="caller-1",
        watermark_enabled=False,
        sensitive_word_check={"type": "ALL", "status": "DISABLE"},
    )
    ImagesResponded.model_validate(made.model_dump(), strict=True)
    assert seen(made.data[0].url).size == (1344, 768)
    assert sim.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert sim.requests[0].json["prompt"] == "一只猫"


def test_a_queued_picture(sim: ZhipuSimulator, client: zai.ZhipuAiClient) -> None:
    sim.polls = 2
    job = client.images.async_generations(model="glm-image", prompt="a cat", size="1280x1280", quality="hd")
    assert (job.task_status, job.model) == ("PROCESSING", "glm-image")
    states = []
    for _ in range(5):
        result = client.images.retrieve_images_result(id=job.id or "")
        states.append(result.task_status)
        if result.task_status != "PROCESSING":
            break
        time.sleep(0.001)
    assert states == ["PROCESSING", "PROCESSING", "SUCCESS"]
    AsyncImagesResponded.model_validate(result.model_dump(), strict=True)
    assert result.image_result is not None
    assert seen(result.image_result[0].url).size == (1280, 1280)


@pytest.mark.parametrize(
    ("word", "kind", "code"),
    [
        ("[content]", zai.core.APIRequestFailedError, "1301"),
        ("[rate]", zai.core.APIReachLimitError, "1302"),
        ("[balance]", zai.core.APIReachLimitError, "1113"),
        ("[500]", zai.core.APIInternalError, "500"),
        ("[503]", zai.core.APIServerFlowExceedError, ""),
    ],
)
def test_the_sdk_knows_the_failures(client: zai.ZhipuAiClient, word: str, kind: type[Exception], code: str) -> None:
    with pytest.raises(kind) as caught:
        client.images.generations(model="cogview-4", prompt=f"a cat {word}")
    assert code in str(caught.value)


def test_another_key_is_refused(sim: ZhipuSimulator) -> None:
    with httpx.Client(verify=False) as http:
        client = zai.ZaiClient(api_key="other", base_url=sim.base_url, max_retries=0, http_client=http)
        with pytest.raises(zai.core.APIAuthenticationError):
            client.images.generations(model="cogview-4", prompt="a cat")
    assert sim.requests[0].headers["accept-language"] == "en-US,en"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model": "cogview-9"}, "1211"),
        ({"prompt": ""}, "1213"),
        ({"prompt": "x" * 1001}, "1261"),
        ({"size": "1000x1000"}, "1214"),
        ({"size": "2048x2048"}, "1214"),
        ({"quality": "low"}, "1214"),
        ({"user_id": "abc"}, "1214"),
    ],
)
def test_what_zhipu_refuses(client: zai.ZhipuAiClient, fields: dict[str, Any], code: str) -> None:
    asked: dict[str, Any] = {"model": "cogview-4", "prompt": "a cat", **fields}
    with pytest.raises(zai.core.APIRequestFailedError, match=code):
        client.images.generations(**asked)


def test_only_glm_image_has_a_queue(client: zai.ZhipuAiClient) -> None:
    with pytest.raises(zai.core.APIRequestFailedError, match="1212"):
        client.images.async_generations(model="cogview-4", prompt="a cat")


def test_a_lost_picture_is_gone(sim: ZhipuSimulator) -> None:
    assert httpx.get(f"{sim.url}/files/none.png").status_code == 404
