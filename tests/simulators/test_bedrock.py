"""The simulator against AWS's own client, which signs and reads as boto3 does."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import botocore.session  # type: ignore[import-untyped]  # botocore ships no types
import httpx2
import pytest
from botocore.config import Config  # type: ignore[import-untyped]  # as above
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # as above

from tests.simulators.bedrock import ACCESS, API_KEY, SECRET_KEY, SESSION, BedrockSimulator
from tests.support import pictures

NOVA = "amazon.nova-canvas-v1:0"
PROMPT = {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "a cat"}}


@pytest.fixture
def sim() -> Iterator[BedrockSimulator]:
    with BedrockSimulator() as sim:
        yield sim


def connected(sim: BedrockSimulator, access: str | None = ACCESS, **more: Any) -> Any:
    """AWS's client at the simulator."""
    more = {"region_name": "us-west-2", "aws_secret_access_key": SECRET_KEY if access else None, **more}
    config = Config(retries={"max_attempts": 1, "mode": "standard"})
    return botocore.session.Session().create_client(
        "bedrock-runtime", endpoint_url=sim.url, aws_access_key_id=access, config=config, **more
    )


def made(client: Any, model: str, body: dict[str, Any]) -> dict[str, Any]:
    """A call's answer."""
    answer: dict[str, Any] = json.loads(client.invoke_model(modelId=model, body=json.dumps(body))["body"].read())
    client.close()
    return answer


def test_nova_canvas(sim: BedrockSimulator) -> None:
    config = {"numberOfImages": 2, "width": 640, "height": 320, "quality": "premium", "seed": 1, "cfgScale": 6.5}
    answer = made(connected(sim), NOVA, {**PROMPT, "imageGenerationConfig": config})
    assert [pictures.look(base64.b64decode(image)).size for image in answer["images"]] == [(640, 320)] * 2
    assert answer["error"] is None
    assert sim.requests[0].path == f"/model/{NOVA}/invoke"


def test_a_session_and_a_profile(sim: BedrockSimulator) -> None:
    sim.key = f"{ACCESS}:{SECRET_KEY}:{SESSION}"
    client = connected(sim, aws_session_token=SESSION)
    answer = made(
        client, "us.stability.stable-image-ultra-v1:1", {"prompt": "a cat", "aspect_ratio": "16:9", "output_format": "jpeg"}
    )
    assert pictures.look(base64.b64decode(answer["images"][0]))[:2] == ("jpeg", (1344, 768))
    assert (answer["seeds"], answer["finish_reasons"]) == ([17], [None])


@pytest.mark.parametrize(("key", "status"), [(API_KEY, 200), ("ABSKwrong", 403)])
def test_an_api_key(sim: BedrockSimulator, key: str, status: int) -> None:
    """AWS's client sends these over https only."""
    sim.key = API_KEY
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    answer = httpx2.post(f"{sim.url}/model/{NOVA}/invoke", json=PROMPT, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("access", "more", "code"),
    [
        ("AKIASTRANGER", {}, "UnrecognizedClientException"),
        (ACCESS, {"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        (ACCESS, {"region_name": "eu-west-1"}, "InvalidSignatureException"),
        (ACCESS, {"aws_session_token": "wrong"}, "UnrecognizedClientException"),
    ],
)
def test_wrong_keys(sim: BedrockSimulator, access: str, more: dict[str, str], code: str) -> None:
    client = connected(sim, access, **more)
    with pytest.raises(ClientError) as caught:
        made(client, NOVA, PROMPT)
    assert caught.value.response["Error"]["Code"] == code
    client.close()


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("[moderation]", 400, "ValidationException"),
        ("[rate_limit]", 429, "ThrottlingException"),
        ("[quota]", 403, "AccessDeniedException"),
        ("[503]", 503, "ServiceUnavailableException"),
        ("[500]", 500, "InternalServerException"),
        ("[model_error]", 424, "ModelErrorException"),
        ("", 400, "ValidationException"),
    ],
)
def test_refusals(sim: BedrockSimulator, text: str, status: int, code: str) -> None:
    client = connected(sim)
    with pytest.raises(ClientError) as caught:
        made(client, NOVA, {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": text}})
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert caught.value.response["Error"]["Message"]
    client.close()


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (NOVA, {"taskType": "NOTHING"}),
        (NOVA, {**PROMPT, "imageGenerationConfig": {"width": 64}}),
        (NOVA, {**PROMPT, "odd": 1}),
        (NOVA, {"taskType": "INPAINTING", "inPaintingParams": {"image": base64.b64encode(pictures.png()).decode()}}),
        ("stability.sd3-5-large-v1:0", {"prompt": "a", "size": "1024x1024"}),
        ("stability.stable-image-search-replace-v1:0", {"prompt": "a", "image": "AA=="}),
        ("nobody.nothing-v1:0", {"prompt": "a"}),
    ],
)
def test_wrong_bodies(sim: BedrockSimulator, model: str, body: dict[str, Any]) -> None:
    client = connected(sim)
    with pytest.raises(ClientError, match="ValidationException"):
        made(client, model, body)
    client.close()
