"""openai-python, sync and async, against the sandbox: what an application sees."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Literal

import httpx2
import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI

from tests.clients.sdk import bytes_of, check_stream, connect_async, looks
from tests.support import pictures
from tests.support.gateway import KEY, Gateway

MODEL = "sandbox"
SIZE: Literal["256x256"] = "256x256"
RED, BLUE = (200, 30, 30), (20, 20, 200)


class TestGenerate:
    def test_several_pictures_of_a_size_and_quality(self, client: OpenAI) -> None:
        answer = client.images.generate(model=MODEL, prompt="a fox", n=2, size="1536x1024", quality="high")
        assert looks(answer) == [("png", (1536, 1024), "RGB")] * 2
        assert (answer.size, answer.quality, answer.output_format, answer.background) == ("1536x1024", "high", "png", "opaque")
        assert len(set(bytes_of(answer))) == 2
        assert answer.usage and answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0

    def test_transparent_background(self, client: OpenAI) -> None:
        answer = client.images.generate(model=MODEL, prompt="a fox", size=SIZE, background="transparent")
        assert looks(answer) == [("png", (256, 256), "RGBA")]
        assert answer.background == "transparent"
        assert pictures.pixel(bytes_of(answer)[0], (0, 0))[3] == 0

    @pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif"])
    def test_each_format(self, client: OpenAI, kind: Literal["png", "jpeg", "webp", "gif"]) -> None:
        answer = client.images.generate(model=MODEL, prompt="a fox", size=SIZE, output_format=kind, output_compression=50)
        assert [look.format for look in looks(answer)] == [kind]
        assert answer.output_format == kind

    @pytest.mark.parametrize("kind", ["png", "jpeg"])
    def test_a_url_needs_no_key(self, client: OpenAI, gateway: Gateway, kind: Literal["png", "jpeg"]) -> None:
        answer = client.images.generate(model=MODEL, prompt="a fox", size=SIZE, response_format="url", output_format=kind)
        assert answer.data and answer.data[0].url and answer.data[0].b64_json is None
        assert answer.data[0].url.startswith(f"{gateway.url}/i/")
        got = httpx2.get(answer.data[0].url)
        assert got.headers["content-type"] == f"image/{kind}"
        assert pictures.look(got.content)[:2] == (kind, (256, 256))

    def test_the_same_request_gives_the_same_picture(self, client: OpenAI) -> None:
        one, two = (client.images.generate(model=MODEL, prompt="a fox", size=SIZE) for _ in range(2))
        assert bytes_of(one) == bytes_of(two)

    def test_no_model_is_the_default_model(self, client: OpenAI) -> None:
        assert looks(client.images.generate(prompt="a fox", size=SIZE)) == [("png", (256, 256), "RGB")]


class TestEdit:
    def test_one_file(self, client: OpenAI, tmp_path: Path) -> None:
        file = tmp_path / "fox.png"
        file.write_bytes(pictures.png((96, 64)))
        with file.open("rb") as opened:
            answer = client.images.edit(model=MODEL, prompt="bluer", image=opened)
        assert looks(answer) == [("png", (96, 64), "RGB")]

    @pytest.mark.parametrize("nameless", [pictures.png((96, 64)), io.BytesIO(pictures.png((96, 64)))], ids=["bytes", "buffer"])
    def test_without_a_name(self, client: OpenAI, nameless: bytes | io.BytesIO) -> None:
        assert looks(client.images.edit(model=MODEL, prompt="bluer", image=nameless)) == [("png", (96, 64), "RGB")]

    def test_a_list(self, client: OpenAI) -> None:
        images = [("a.png", pictures.png((96, 64))), ("b.jpg", pictures.jpeg((32, 32))), ("c.webp", pictures.webp((32, 32)))]
        one = client.images.edit(model=MODEL, prompt="mix", image=images[:1])
        three = client.images.edit(model=MODEL, prompt="mix", image=images, n=2)
        assert looks(three) == [("png", (96, 64), "RGB")] * 2
        assert one.usage and three.usage
        assert three.usage.input_tokens_details.image_tokens > one.usage.input_tokens_details.image_tokens

    def test_a_mask_keeps_what_it_covers(self, client: OpenAI) -> None:
        mask = pictures.mask((256, 256), hole=(128, 0, 256, 256))
        answer = client.images.edit(
            model=MODEL,
            prompt="a boat",
            image=("a.png", pictures.png((256, 256), BLUE)),
            mask=("mask.png", mask),
        )
        (edited,) = bytes_of(answer)
        kept = {pictures.pixel(edited, (x, y))[:3] for x in (0, 60, 120) for y in (0, 128, 255)}
        open_to_change = {pictures.pixel(edited, (x, y))[:3] for x in range(140, 256, 10) for y in range(0, 256, 10)}
        assert kept == {BLUE}
        assert open_to_change - {BLUE}

    def test_a_url(self, client: OpenAI, gateway: Gateway) -> None:
        answer = client.images.edit(model=MODEL, prompt="bluer", image=pictures.png(), response_format="url")
        assert answer.data and answer.data[0].url
        assert pictures.look(httpx2.get(answer.data[0].url).content).size == (16, 16)


class TestStream:
    @pytest.mark.parametrize("partials", [0, 1, 3])
    def test_generate(self, client: OpenAI, partials: int) -> None:
        stream = client.images.generate(model=MODEL, prompt="a fox", size=SIZE, stream=True, partial_images=partials)
        with stream:
            events = check_stream(stream, "image_generation", partials)
        assert {event.size for event in events} == {SIZE}
        assert len({event.b64_json for event in events}) == partials + 1

    def test_edit(self, client: OpenAI) -> None:
        image = ("a.png", pictures.png((64, 64)))
        with client.images.edit(model=MODEL, prompt="a fox", image=image, stream=True, partial_images=2) as stream:
            check_stream(stream, "image_edit", 2)

    def test_several_pictures(self, client: OpenAI) -> None:
        with client.images.generate(model=MODEL, prompt="a", size=SIZE, n=2, stream=True, partial_images=1) as stream:
            check_stream(stream, "image_generation", 1, n=2)

    def test_the_finished_picture_is_the_one_of_the_json_answer(self, client: OpenAI) -> None:
        whole = client.images.generate(model=MODEL, prompt="a fox", size=SIZE)
        with client.images.generate(model=MODEL, prompt="a fox", size=SIZE, stream=True) as stream:
            (completed,) = check_stream(stream, "image_generation", 0)
        assert whole.data and whole.data[0].b64_json == completed.b64_json


class TestAsync:
    async def test_generate_and_edit(self, gateway: Gateway) -> None:
        async with connect_async(gateway) as sdk:
            made = await sdk.images.generate(model=MODEL, prompt="a fox", size=SIZE, n=2)
            assert looks(made) == [("png", (256, 256), "RGB")] * 2
            images = [("a.png", pictures.png((64, 64))), ("b.png", pictures.png())]
            edited = await sdk.images.edit(model=MODEL, prompt="mix", image=images, mask=pictures.mask((64, 64)))
            assert looks(edited) == [("png", (64, 64), "RGB")]

    async def test_streams_side_by_side(self, gateway: Gateway) -> None:
        async def drawn(sdk: AsyncOpenAI, prompt: str) -> None:
            stream = await sdk.images.generate(model=MODEL, prompt=prompt, size=SIZE, stream=True, partial_images=2)
            async with stream:
                check_stream([event async for event in stream], "image_generation", 2)

        async def edited(sdk: AsyncOpenAI) -> None:
            stream = await sdk.images.edit(model=MODEL, prompt="a", image=pictures.png(), stream=True, partial_images=1)
            async with stream:
                check_stream([event async for event in stream], "image_edit", 1)

        async with connect_async(gateway) as sdk, asyncio.TaskGroup() as group:
            for prompt in ("a fox", "a hare", "an owl"):
                group.create_task(drawn(sdk, prompt))
            group.create_task(edited(sdk))


class TestModels:
    def test_list(self, client: OpenAI) -> None:
        names = {model.id for model in client.models.list()}
        assert {"sandbox", "sandbox-slow", "gpt-image-2"} <= names

    @pytest.mark.parametrize("name", ["sandbox", "gpt-image-2", "dall-e-3"])
    def test_retrieve(self, client: OpenAI, name: str) -> None:
        model = client.models.retrieve(name)
        assert (model.id, model.object) == (name, "model")


class TestAzure:
    @pytest.fixture
    def azure(self, gateway: Gateway) -> AzureOpenAI:
        return AzureOpenAI(azure_endpoint=gateway.url, api_key=KEY, api_version="2025-04-01-preview", max_retries=0)

    def test_generate(self, azure: AzureOpenAI) -> None:
        with azure:
            assert looks(azure.images.generate(model=MODEL, prompt="a fox", size=SIZE)) == [("png", (256, 256), "RGB")]

    def test_edit(self, azure: AzureOpenAI) -> None:
        with azure:
            image, mask = ("a.png", pictures.png((64, 64))), ("m.png", pictures.mask((64, 64)))
            assert looks(azure.images.edit(model=MODEL, prompt="a", image=image, mask=mask)) == [("png", (64, 64), "RGB")]

    def test_stream(self, azure: AzureOpenAI) -> None:
        with azure, azure.images.generate(model=MODEL, prompt="a", size=SIZE, stream=True, partial_images=1) as stream:
            check_stream(stream, "image_generation", 1)
