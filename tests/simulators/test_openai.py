"""The simulator against OpenAI's own SDK: if the SDK is happy, the shape is right."""

from __future__ import annotations

import base64
import itertools
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from openai.types import (
    ImageEditCompletedEvent,
    ImageEditPartialImageEvent,
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
    ImagesResponse,
)

from tests.simulators.base import Ending, Reply
from tests.simulators.openai import KEY, TRIGGERS, OpenAISimulator, Streaming
from tests.simulators.openai_rules import MODELS
from tests.support import pictures
from tests.support.waiting import wait_until

MODEL = "gpt-image-2"


@pytest.fixture
def sim() -> Iterator[OpenAISimulator]:
    with OpenAISimulator() as simulator:
        yield simulator


def connected(sim: OpenAISimulator, key: str = KEY) -> OpenAI:
    """A client to close; it reads no certificates, which is most of the time that a client takes to make."""
    return OpenAI(base_url=sim.base_url, api_key=key, max_retries=0, http_client=DefaultHttpxClient(verify=False))


@pytest.fixture
def client(sim: OpenAISimulator) -> Iterator[OpenAI]:
    with connected(sim) as sdk:
        yield sdk


@pytest.fixture
async def async_client(sim: OpenAISimulator) -> AsyncIterator[AsyncOpenAI]:
    http = DefaultAsyncHttpxClient(verify=False)
    async with AsyncOpenAI(base_url=sim.base_url, api_key=KEY, max_retries=0, http_client=http) as sdk:
        yield sdk


@pytest.fixture
def web(sim: OpenAISimulator) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=sim.url, headers={"authorization": f"Bearer {KEY}"}, verify=False) as raw:
        yield raw


def seen(answer: ImagesResponse, number: int = 0) -> pictures.Look:
    assert answer.data is not None
    return pictures.look(base64.b64decode(answer.data[number].b64_json or ""))


def strictly(model: Any) -> None:
    """The SDK does not validate answers; pydantic, told to, does."""
    type(model).model_validate(model.model_dump(exclude_unset=True), strict=True)


class TestGenerate:
    def test_defaults(self, sim: OpenAISimulator, client: OpenAI) -> None:
        answer = client.images.generate(model=MODEL, prompt="a cat")
        strictly(answer)
        assert seen(answer) == ("png", (1024, 1024), "P")
        assert (answer.size, answer.quality, answer.background, answer.output_format) == ("1024x1024", "medium", "opaque", "png")
        assert sim.calls == 1
        assert sim.requests[0].json == {"model": MODEL, "prompt": "a cat"}

    @pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
    def test_n_pictures_in_each_format(self, client: OpenAI, kind: Any) -> None:
        answer = client.images.generate(model=MODEL, prompt="a cat", n=3, size="1536x1024", output_format=kind, quality="high")
        assert [seen(answer, number).format for number in range(3)] == [kind] * 3
        assert seen(answer).size == (1536, 1024)
        assert len({image.b64_json for image in answer.data or []}) == 3
        assert (answer.quality, answer.output_format) == ("high", kind)

    def test_usage_adds_up(self, client: OpenAI) -> None:
        usage = client.images.generate(model=MODEL, prompt="a cat", n=2).usage
        assert usage is not None and usage.output_tokens_details is not None
        assert usage.total_tokens == usage.input_tokens + usage.output_tokens
        assert usage.output_tokens_details.image_tokens == usage.output_tokens == 2 * 272

    def test_transparent_gif_svg(self, client: OpenAI) -> None:
        clear = client.images.generate(model=MODEL, prompt="a", background="transparent")
        assert seen(clear).mode == "RGBA" and clear.background == "transparent"
        moving = client.images.generate(model=MODEL, prompt="a", output_format="gif", frame_count=3)
        assert seen(moving).format == "gif"
        drawing = client.images.generate(model=MODEL, prompt="a", output_format="svg", svg={"model": "author"})
        assert drawing.data and base64.b64decode(drawing.data[0].b64_json or "").startswith(b"<svg")

    def test_unknown_fields_both_ways(self, sim: OpenAISimulator, client: OpenAI) -> None:
        sim.extra_top, sim.extra_item = {"x_future": {"a": 1}}, {"x_score": 0.5}
        answer = client.images.generate(model=MODEL, prompt="a", extra_body={"x_new": [1]}, user="u1")
        assert sim.requests[0].json["x_new"] == [1]
        assert answer.to_dict()["x_future"] == {"a": 1} and answer.safety_identifier == "u1"
        assert answer.data and answer.data[0].to_dict()["x_score"] == 0.5

    def test_picture_override(self, sim: OpenAISimulator, client: OpenAI) -> None:
        sim.picture = pictures.noise_png(300_000)
        answer = client.images.generate(model=MODEL, prompt="a")
        assert answer.data and base64.b64decode(answer.data[0].b64_json or "") == sim.picture

    async def test_async(self, async_client: AsyncOpenAI) -> None:
        assert seen(await async_client.images.generate(model=MODEL, prompt="a cat")).format == "png"

    def test_dalle_answers_with_urls_of_its_own(self, sim: OpenAISimulator, client: OpenAI) -> None:
        answer = client.images.generate(model="dall-e-3", prompt="a cat", style="vivid")
        assert answer.data and answer.data[0].url and answer.data[0].revised_prompt
        assert answer.data[0].url.startswith(f"{sim.url}/files/")
        got = httpx2.get(answer.data[0].url)
        assert pictures.look(got.content).format == "png" and got.headers["content-type"] == "image/png"
        assert sim.calls == 1
        inline = client.images.generate(model="dall-e-2", prompt="a cat", response_format="b64_json", size="256x256")
        assert seen(inline).size == (256, 256)


class TestEdit:
    def test_one_file(self, sim: OpenAISimulator, client: OpenAI) -> None:
        answer = client.images.edit(model=MODEL, image=("a.png", pictures.png()), prompt="bluer", n=2, size="auto")
        strictly(answer)
        assert answer.data and len(answer.data) == 2
        request = sim.requests[0]
        assert [(part.name, part.data) for part in request.files] == [("image", pictures.png())]
        assert request.fields == {"model": MODEL, "prompt": "bluer", "n": "2", "size": "auto"}

    def test_list_and_mask(self, sim: OpenAISimulator, client: OpenAI) -> None:
        images = [("a.png", pictures.png()), ("b.jpg", pictures.jpeg()), ("c.webp", pictures.webp())]
        answer = client.images.edit(model=MODEL, image=images, mask=("m.png", pictures.mask()), prompt="mix")
        assert answer.usage and answer.usage.input_tokens_details.image_tokens == 300
        sent = {part.data for part in sim.requests[0].files if part.name == "image[]"}
        assert sent == {pictures.png(), pictures.jpeg(), pictures.webp()}
        assert [part.data for part in sim.requests[0].files if part.name == "mask"] == [pictures.mask()]

    def test_markup(self, client: OpenAI) -> None:
        overlay = ("m.png", pictures.png(alpha=10))
        answer = client.images.edit(model="gpt-image-2.5-flare", image=("a.png", pictures.png()), markup=overlay, prompt="x")
        assert answer.data
        with pytest.raises(openai.BadRequestError, match="markup"):
            client.images.edit(model=MODEL, image=("a.png", pictures.png()), markup=overlay, prompt="x")

    async def test_async(self, async_client: AsyncOpenAI) -> None:
        assert seen(await async_client.images.edit(model=MODEL, image=("a.png", pictures.png()), prompt="b")).format == "png"

    def test_json(self, sim: OpenAISimulator, web: httpx2.Client) -> None:
        sim.stored["file-1"] = pictures.png()
        images = [
            {"image_url": pictures.data_url(pictures.png())},
            {"image_url": "https://pictures.invalid/a.png"},
            {"file_id": "file-1"},
        ]
        answer = web.post("/v1/images/edits", json={"model": MODEL, "prompt": "x", "images": images, "n": None})
        assert answer.status_code == 200 and len(answer.json()["data"]) == 1

    @pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the SDK's own word on variations
    def test_variations(self, client: OpenAI) -> None:
        answer = client.images.create_variation(image=("a.png", pictures.png()), n=2, response_format="b64_json")
        assert answer.data and len(answer.data) == 2
        with pytest.raises(openai.BadRequestError, match="variations"):
            client.images.create_variation(model=MODEL, image=("a.png", pictures.png()))


class TestStreaming:
    def test_generation(self, sim: OpenAISimulator, client: OpenAI) -> None:
        with client.images.generate(model=MODEL, prompt="a cat", stream=True, partial_images=2, n=2) as stream:
            events = list(stream)
        kinds = [ImageGenPartialImageEvent, ImageGenPartialImageEvent, ImageGenCompletedEvent]
        assert [type(event) for event in events] == kinds * 2
        for event in events:
            strictly(event)
            assert pictures.look(base64.b64decode(event.b64_json)).format == "png"
        assert [event.partial_image_index for event in events if isinstance(event, ImageGenPartialImageEvent)] == [0, 1, 0, 1]
        assert [mark.label.rpartition(".")[2] for mark in sim.events_sent] == ["partial_image", "partial_image", "completed"] * 2

    async def test_edit(self, async_client: AsyncOpenAI) -> None:
        image = ("a.png", pictures.png())
        stream = await async_client.images.edit(model=MODEL, image=image, prompt="x", stream=True, partial_images=1)
        async with stream:
            events = [event async for event in stream]
        assert [type(event) for event in events] == [ImageEditPartialImageEvent, ImageEditCompletedEvent]
        for event in events:
            strictly(event)

    @pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
    def test_line_ends_comments_and_done(self, sim: OpenAISimulator, client: OpenAI, newline: bytes) -> None:
        sim.streaming = Streaming(newline=newline, comments=True, done=True)
        sim.extra_top = {"x_future": 1}
        with client.images.generate(model=MODEL, prompt="a", stream=True, partial_images=1) as stream:
            events = list(stream)
        assert [event.to_dict()["x_future"] for event in events] == [1, 1]

    def test_frames_as_sent(self, sim: OpenAISimulator, web: httpx2.Client) -> None:
        sim.streaming = Streaming(comments=True, done=True)
        answer = web.post("/v1/images/generations", json={"model": MODEL, "prompt": "a", "stream": True})
        assert answer.headers["content-type"].startswith("text/event-stream")
        comment, frame, done, rest = answer.text.split("\n\n")
        name, data = frame.split("\n")
        assert comment.startswith(":") and (done, rest) == ("data: [DONE]", "")
        assert name == f"event: {json.loads(data.removeprefix('data: '))['type']}" == "event: image_generation.completed"

    def test_fewer_partials_than_asked(self, sim: OpenAISimulator, client: OpenAI) -> None:
        sim.streaming = Streaming(partials=1)
        with client.images.generate(model=MODEL, prompt="a", stream=True, partial_images=3) as stream:
            assert len(list(stream)) == 2

    @pytest.mark.parametrize("after", [0, 1, 2])
    def test_error_frame(self, sim: OpenAISimulator, client: OpenAI, after: int) -> None:
        sim.streaming = Streaming(error_after=after)
        got = []
        stream = client.images.generate(model=MODEL, prompt="a", stream=True, partial_images=1)
        with stream, pytest.raises(openai.APIError, match="server had an error") as caught:
            for event in stream:
                got.append(event)
        assert len(got) == after and caught.value.code == "server_error"

    @pytest.mark.parametrize("reset", [False, True])
    @pytest.mark.parametrize("inside", [False, True])
    def test_cut(self, sim: OpenAISimulator, client: OpenAI, reset: bool, inside: bool) -> None:
        sim.streaming = Streaming(cut_after_events=1, cut_inside=inside, reset=reset)
        got = []
        stream = client.images.generate(model=MODEL, prompt="a", stream=True, partial_images=1)
        with stream, pytest.raises(openai.APIConnectionError):
            for event in stream:
                got.append(event)
        assert [event.type for event in got] == ["image_generation.partial_image"]

    def test_pauses_between_events(self, sim: OpenAISimulator, client: OpenAI) -> None:
        sim.streaming = Streaming(pause=0.05)
        with client.images.generate(model=MODEL, prompt="a", stream=True, partial_images=3) as stream:
            assert len(list(stream)) == 4
        times = [mark.started_at for mark in sim.events_sent]
        assert all(0.045 < later - earlier < 2 for earlier, later in itertools.pairwise(times))


class TestRefusals:
    def test_input_fidelity(self, client: OpenAI) -> None:
        image = ("a.png", pictures.png())
        assert client.images.edit(model="gpt-image-1.5", image=image, prompt="x", input_fidelity="high").data
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.edit(model=MODEL, image=image, prompt="x", input_fidelity="high")
        assert caught.value.code == "invalid_input_fidelity_model"

    def test_wrong_key(self, sim: OpenAISimulator) -> None:
        with connected(sim, "sk-wrong-0123456789") as stranger, pytest.raises(openai.AuthenticationError) as caught:
            stranger.images.generate(model=MODEL, prompt="a")
        assert caught.value.code == "invalid_api_key" and "sk-wrong-0123456789" not in str(caught.value)
        assert httpx2.post(f"{sim.base_url}/images/generations", json={}).status_code == 401

    def test_unknown_model(self, client: OpenAI) -> None:
        with pytest.raises(openai.NotFoundError) as caught:
            client.images.generate(model="gpt-image-9", prompt="a")
        assert caught.value.code == "model_not_found"

    @pytest.mark.parametrize(
        ("word", "error", "code"),
        [
            ("[moderation]", openai.BadRequestError, "moderation_blocked"),
            ("[policy]", openai.BadRequestError, "content_policy_violation"),
            ("[rate_limit]", openai.RateLimitError, "rate_limit_exceeded"),
            ("[quota]", openai.RateLimitError, "insufficient_quota"),
            ("[unverified]", openai.PermissionDeniedError, None),
            ("[500]", openai.InternalServerError, None),
            ("[503]", openai.InternalServerError, "server_is_overloaded"),
        ],
    )
    def test_triggers(self, client: OpenAI, word: str, error: type[openai.APIStatusError], code: str | None) -> None:
        with pytest.raises(error) as caught:
            client.images.generate(model=MODEL, prompt=f"a {word} cat")
        assert caught.value.code == code and caught.value.status_code == TRIGGERS[word].status
        assert caught.value.request_id

    def test_the_sdk_retries_after_the_header(self, sim: OpenAISimulator, client: OpenAI) -> None:
        sim.fail_next(429, {"error": {"message": "slow down"}}, {"retry-after-ms": "30"})
        assert client.with_options(max_retries=1).images.generate(model=MODEL, prompt="a").data
        assert sim.calls == 2 and sim.requests[1].arrived_at - sim.requests[0].arrived_at > 0.03
        assert sim.requests[1].headers["x-stainless-retry-count"] == "1"

    @pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
    def test_lenient(self) -> None:
        with OpenAISimulator(lenient=True) as sim, connected(sim) as sdk:
            assert sdk.images.edit(model="any", image=b"Example data", prompt="x", response_format="url").data
            assert sdk.images.create_variation(image=b"Example data").data
            with sdk.images.generate(prompt="x", model="any", stream=True, extra_body={"y": 1}) as stream:
                assert len(list(stream)) == 1


class TestModels:
    def test_list_and_one(self, sim: OpenAISimulator, client: OpenAI) -> None:
        listed = list(client.models.list())
        assert [row.id for row in listed] == list(MODELS)
        for row in listed:
            strictly(row)
        assert client.models.retrieve(MODEL).id == MODEL
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("nothing")
        assert sim.calls == 0 and len(sim.requests) == 3


class TestDelivery:
    def test_a_paced_body_reaches_the_client_before_its_end_is_sent(self, sim: OpenAISimulator, web: httpx2.Client) -> None:
        sim.picture = pictures.noise_png(400_000)
        sim.pace(64 * 1024, 0.03)
        with web.stream("POST", "/v1/images/generations", json={"model": MODEL, "prompt": "a"}) as answer:
            chunks = answer.iter_raw()
            body = next(chunks)
            assert sim.last_byte_sent_at is None
            body += b"".join(chunks)
        assert base64.b64decode(json.loads(body)["data"][0]["b64_json"]) == sim.picture
        delivery = sim.requests[0].delivery
        wait_until(lambda: delivery.last_byte_at)
        assert delivery.first_byte_at and delivery.last_byte_at and delivery.last_byte_at - delivery.first_byte_at > 0.2
        assert delivery.body_bytes == len(body) == int(answer.headers["content-length"])

    def test_the_last_byte_counts_when_the_kernel_has_it(self, sim: OpenAISimulator) -> None:
        sim.picture = pictures.noise_png(12_000_000)
        request = json.dumps({"model": MODEL, "prompt": "a"}).encode()
        head = f"POST /v1/images/generations HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(request)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", int(sim.url.rpartition(":")[2]))) as lazy:
            lazy.sendall(head.encode() + request)
            assert lazy.recv(1)
            assert sim.last_byte_sent_at is None and sim.requests[0].delivery.body_bytes < 12_000_000

    @pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
    def test_a_cut_body(self, sim: OpenAISimulator, client: OpenAI, ending: Ending) -> None:
        sim.script(Reply.raw(b'{"created":1,"data":[]}', "application/json", ending=ending, cut_after=9))
        with pytest.raises(openai.APIConnectionError):
            client.images.generate(model=MODEL, prompt="a")
        assert sim.requests[0].delivery.body_bytes == 9 and not sim.requests[0].client_gone
        assert client.images.generate(model=MODEL, prompt="a").data

    def test_html(self, client: OpenAI) -> None:
        assert "<title>" in str(client.images.generate(model=MODEL, prompt="[html]"))
