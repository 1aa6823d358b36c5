"""What the OpenAI simulator refuses, in plain HTTP: the SDK would hide the codes, or not send such things."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.simulators.openai import KEY, OpenAISimulator
from tests.support import pictures

MODEL = "gpt-image-2"


@pytest.fixture(scope="module")
def web() -> Iterator[httpx2.Client]:
    credential = {"authorization": f"Bearer {KEY}"}
    with OpenAISimulator() as sim, httpx2.Client(base_url=sim.url, headers=credential, verify=False) as raw:
        yield raw


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"prompt": None}, "missing_required_parameter", "prompt"),
        ({"prompt": 3}, "invalid_type", "prompt"),
        ({"prompt": "x" * 32_001}, "string_above_max_length", "prompt"),
        ({"n": 0}, "integer_below_min_value", "n"),
        ({"n": 11}, "integer_above_max_value", "n"),
        ({"n": "2"}, "invalid_type", "n"),
        ({"size": "1000x1000"}, "invalid_value", "size"),
        ({"size": "4096x4096"}, "invalid_value", "size"),
        ({"size": "3840x1024"}, "invalid_value", "size"),
        ({"size": "256x256"}, "invalid_value", "size"),
        ({"size": ["1024x1024"]}, "invalid_value", "size"),
        ({"model": "gpt-image-1.5", "size": "1536x864"}, "invalid_value", "size"),
        ({"quality": "xhigh"}, "invalid_value", "quality"),
        ({"quality": "hd"}, "invalid_value", "quality"),
        ({"background": "transparent", "output_format": "jpeg"}, "invalid_value", "background"),
        ({"output_compression": 50}, "invalid_value", "output_compression"),
        ({"output_format": "bmp"}, "invalid_value", "output_format"),
        ({"stream": True, "output_format": "gif"}, "invalid_value", "stream"),
        ({"stream": True, "prompt": None}, "missing_required_parameter", "prompt"),
        ({"partial_images": 4}, "integer_above_max_value", "partial_images"),
        ({"frame_count": 3}, "invalid_value", "frame_count"),
        ({"response_format": "b64_json"}, "unknown_parameter", "response_format"),
        ({"style": "vivid"}, "unknown_parameter", "style"),
        ({"seed": 1}, "unknown_parameter", "seed"),
        ({"model": "dall-e-3", "stream": True}, "unknown_parameter", "stream"),
        ({"model": "dall-e-3", "n": 2}, "integer_above_max_value", "n"),
    ],
)
def test_bad_fields(web: httpx2.Client, fields: dict[str, Any], code: str, param: str) -> None:
    answer = web.post("/v1/images/generations", json={"model": MODEL, "prompt": "a", **fields})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert set(error) == {"message", "type", "param", "code"} and answer.headers["x-request-id"]


@pytest.mark.parametrize("fields", [{"size": "1536x864"}, {"size": "3840x2160"}, {"output_compression": None}, {"svg": None}])
def test_good_fields(web: httpx2.Client, fields: dict[str, Any]) -> None:
    assert web.post("/v1/images/generations", json={"model": MODEL, "prompt": "a", **fields}).status_code == 200


def test_no_json(web: httpx2.Client) -> None:
    answer = web.post("/v1/images/generations", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([("image", ("a.png", pictures.png(), "application/octet-stream"))], "unsupported_file_mimetype"),
        ([("image", ("a.png", b"no picture", "image/png"))], "invalid_image_file"),
        ([("image", ("a.png", pictures.png(), "image/png"))] * 2, "duplicate_parameter"),
        ([("image[]", ("a.png", pictures.png(), "image/png"))] * 17, "array_above_max_length"),
        ([("mask", ("m.png", pictures.mask(), "image/png"))], "missing_required_parameter"),
        (
            [("image", ("a.png", pictures.png(), "image/png")), ("mask", ("m.png", pictures.png(), "image/png"))],
            "invalid_image_format",
        ),
        (
            [("image", ("a.png", pictures.png(), "image/png")), ("mask", ("m.png", pictures.mask((8, 8)), "image/png"))],
            "invalid_value",
        ),
    ],
)
def test_bad_pictures(web: httpx2.Client, files: Any, code: str) -> None:
    answer = web.post("/v1/images/edits", data={"model": MODEL, "prompt": "x"}, files=files)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize(
    "reference", [{}, "x", {"image_url": "ftp://a"}, {"file_id": "file-2"}, {"image_url": "data:image/png;base64,!"}]
)
def test_json_with_a_bad_reference(web: httpx2.Client, reference: Any) -> None:
    answer = web.post("/v1/images/edits", json={"model": MODEL, "prompt": "x", "images": [reference]})
    assert answer.status_code in {400, 404} and answer.json()["error"]["param"] == "images[0]"
