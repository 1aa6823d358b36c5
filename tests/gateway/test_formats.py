"""``output_format`` on providers that make something else, through the running gateway with openai-python."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import openai
import pytest
import requests
from PIL import Image, ImageDraw

from tests.simulators.gemini import GeminiSimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.siliconflow import SiliconFlowSimulator
from tests.support import pictures
from tests.support.gateway import KEY, SANDBOX, Gateway, gateway_settings, openai_channel
from tests.support.process import children

GEMINI = "gemini-3.1-flash-image"
COPY = "copy-of-a-model"
QWEN = "Qwen/Qwen-Image"
FORMATS = ("png", "jpeg", "webp")


def drawn(kind: str) -> bytes:
    """A picture in which left, right, top and bottom differ."""
    picture = Image.linear_gradient("L").resize((320, 200)).convert("RGB")
    ImageDraw.Draw(picture).rectangle((0, 0, 80, 200), fill=(200, 20, 30))
    target = io.BytesIO()
    picture.save(target, kind.upper(), **({"quality": 95} if kind == "jpeg" else {}))
    return target.getvalue()


def check(data: bytes, kind: str, original: bytes) -> None:
    """It decodes as ``kind``, and its pixels are the original's."""
    with Image.open(io.BytesIO(data)) as made, Image.open(io.BytesIO(original)) as first:
        assert (made.format or "").lower() == kind
        assert made.size == first.size
        pairs = list(zip(made.convert("RGB").tobytes(), first.convert("RGB").tobytes(), strict=True))
    if kind == "png":
        assert all(a == b for a, b in pairs)
    assert sum(abs(a - b) for a, b in pairs) / len(pairs) < 2


@pytest.fixture(scope="module")
def gemini() -> Iterator[GeminiSimulator]:
    with GeminiSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def copy() -> Iterator[OpenAISimulator]:
    """A server that speaks OpenAI's protocol and takes any field, to do as it likes with it."""
    with OpenAISimulator() as simulator:
        simulator.lenient = True
        yield simulator


@pytest.fixture(scope="module")
def siliconflow() -> Iterator[SiliconFlowSimulator]:
    with SiliconFlowSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def gateway(
    gemini: GeminiSimulator,
    copy: OpenAISimulator,
    siliconflow: SiliconFlowSimulator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    google = {"name": "gemini", "adapter": "gemini", "base_url": gemini.base_url, "keys": [gemini.key], "models": [GEMINI]}
    channels = [
        SANDBOX,
        google,
        {**google, "name": "second", "priority": 1},
        openai_channel(copy.base_url, copy.key, [COPY]),
        {
            "name": "siliconflow",
            "adapter": "siliconflow",
            "base_url": siliconflow.base_url,
            "keys": [siliconflow.key],
            "models": [QWEN],
        },
    ]
    with Gateway(gateway_settings(tmp_path_factory.mktemp("formats"), channels)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0, timeout=30) as client:
        yield client


def made(client: openai.OpenAI, model: str, **asked: Any) -> tuple[Any, Any]:
    """The answer's headers and the answer."""
    answer = client.images.with_raw_response.generate(model=model, prompt="a red house", **asked)
    return answer.headers, answer.parse()


@pytest.mark.parametrize("asked", FORMATS)
@pytest.mark.parametrize("theirs", ["png", "jpeg"])
def test_nobody_can_choose_at_gemini_and_everybody_gets_what_he_wants(
    client: openai.OpenAI, gemini: GeminiSimulator, theirs: str, asked: str
) -> None:
    gemini.picture = drawn(theirs)
    headers, answer = made(client, GEMINI, output_format=asked)
    data = base64.b64decode(answer.data[0].b64_json)
    check(data, asked, gemini.picture)
    assert answer.output_format == asked
    assert headers["x-imagegate-output-format"] == f"{'*' if theirs == asked else theirs}->{asked}"
    assert "x-imagegate-dropped-params" not in headers
    assert (data == gemini.picture) == (theirs == asked), "what is right already is not touched"
    assert asked not in str(gemini.requests[-1].json)


@pytest.mark.parametrize("theirs", FORMATS)
@pytest.mark.parametrize("model", [GEMINI, COPY])
def test_the_answer_says_what_the_picture_is(
    client: openai.OpenAI, gemini: GeminiSimulator, copy: OpenAISimulator, model: str, theirs: str
) -> None:
    gemini.picture = copy.picture = drawn(theirs)
    headers, answer = made(client, model)
    assert base64.b64decode(answer.data[0].b64_json) == gemini.picture
    assert (answer.output_format, headers.get("x-imagegate-output-format")) == (theirs, None)
    with client.images.generate(model=model, prompt="a cat", stream=True) as stream:
        last = list(stream)[-1]
    assert last.output_format == theirs


def test_a_server_that_takes_the_field_and_does_not_obey(client: openai.OpenAI, copy: OpenAISimulator) -> None:
    copy.picture = drawn("png")
    headers, answer = made(client, COPY, output_format="jpeg", output_compression=30)
    data = base64.b64decode(answer.data[0].b64_json)
    check(data, "jpeg", copy.picture)
    assert copy.requests[-1].json["output_format"] == "jpeg"
    assert (answer.output_format, headers["x-imagegate-output-format"]) == ("jpeg", "png->jpeg")
    _, better = made(client, COPY, output_format="jpeg", output_compression=95)
    assert len(data) < len(base64.b64decode(better.data[0].b64_json))


@pytest.mark.parametrize("compression", [0, 100])
def test_a_quality_that_the_provider_does_not_have(client: openai.OpenAI, gemini: GeminiSimulator, compression: int) -> None:
    gemini.picture = drawn("jpeg")
    headers, answer = made(client, GEMINI, output_format="jpeg", output_compression=compression)
    data = base64.b64decode(answer.data[0].b64_json)
    assert pictures.look(data) == ("jpeg", (320, 200), "RGB")
    assert len(data) < len(gemini.picture) / 2 if compression == 0 else len(data) > len(gemini.picture)
    assert "x-imagegate-dropped-params" not in headers


@pytest.mark.parametrize("asked", FORMATS)
def test_a_url_is_of_the_converted_picture(client: openai.OpenAI, asked: str) -> None:
    _, answer = made(client, QWEN, output_format=asked, response_format="url")
    url = answer.data[0].url
    assert url.partition("?")[0].endswith({"jpeg": ".jpg"}.get(asked, f".{asked}"))
    download = requests.get(url, timeout=10)
    assert download.headers["content-type"] == f"image/{asked}"
    assert pictures.look(download.content).format == asked == answer.output_format


@pytest.mark.parametrize(("model", "theirs"), [(GEMINI, "jpeg"), (COPY, "png")])
def test_previews_too(client: openai.OpenAI, gemini: GeminiSimulator, copy: OpenAISimulator, model: str, theirs: str) -> None:
    gemini.picture, copy.picture, copy.preview = None, drawn(theirs), drawn(theirs)
    with client.images.generate(model=model, prompt="a cat", stream=True, partial_images=2, output_format="webp") as stream:
        events = list(stream)
    assert [event.type for event in events] == [*["image_generation.partial_image"] * 2, "image_generation.completed"]
    for event in events:
        assert event.output_format == "webp"
        data = base64.b64decode(event.b64_json)
        assert pictures.look(data).format == "webp"
        if model == COPY:
            check(data, "webp", copy.picture)


def test_several_pictures_of_several_calls(client: openai.OpenAI, gemini: GeminiSimulator) -> None:
    gemini.picture = drawn("png")
    _, answer = made(client, GEMINI, output_format="webp", n=5)
    assert len(answer.data) == 5
    for item in answer.data:
        check(base64.b64decode(item.b64_json), "webp", gemini.picture)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("broken", [drawn("png")[:600], pictures.gif(frames=3)], ids=["cut", "animation"])
def test_a_picture_that_cannot_be_converted_is_not_ordered_again(
    client: openai.OpenAI, gemini: GeminiSimulator, broken: bytes, stream: bool
) -> None:
    gemini.picture = broken
    before = gemini.calls
    with pytest.raises(openai.APIStatusError) as caught:
        client.images.generate(model=GEMINI, prompt="a cat", output_format="webp", stream=stream)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_invalid_response")
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert gemini.calls == before + 1


@pytest.mark.parametrize("asked", ["gif", "svg", "bmp"])
def test_what_no_conversion_makes_is_refused(client: openai.OpenAI, gemini: GeminiSimulator, asked: str) -> None:
    before = gemini.calls
    with pytest.raises(openai.BadRequestError) as caught:
        made(client, GEMINI, output_format=asked)
    assert (caught.value.param, caught.value.code) == ("output_format", "invalid_value")
    assert "png, jpeg or webp" in caught.value.message
    assert gemini.calls == before


def test_no_process_is_started_for_pictures_that_are_right(gemini: GeminiSimulator, tmp_path_factory: Any) -> None:
    with ExitStack() as stack:
        google = {"name": "gemini", "adapter": "gemini", "base_url": gemini.base_url, "keys": [gemini.key], "models": [GEMINI]}
        gateway = stack.enter_context(Gateway(gateway_settings(tmp_path_factory.mktemp("idle"), [SANDBOX, google])))
        client = stack.enter_context(openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0))
        before = children()
        gemini.picture = drawn("webp")
        for model, asked in (("sandbox", "webp"), ("sandbox", "jpeg"), (GEMINI, "webp")):
            made(client, model, output_format=asked, size="64x64")
        assert children() == before
        made(client, GEMINI, output_format="png")
        (pid,) = set(children()) - set(before)
    assert pid not in children(), "it ends with the server"
