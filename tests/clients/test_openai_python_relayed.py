"""openai-python through the gateway to a provider: what the application sent is what the provider got, and back."""

from __future__ import annotations

from openai import AzureOpenAI, OpenAI

from tests.clients.sdk import bytes_of, check_stream, looks
from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.simulators.openai import OpenAISimulator
from tests.support import pictures
from tests.support.gateway import KEY, Gateway

MODEL = "gpt-image-2.5-flare"


class TestGenerate:
    def test_every_parameter_arrives(self, client: OpenAI, sim: OpenAISimulator) -> None:
        answer = client.images.generate(
            model=MODEL,
            prompt="a fox\nat dusk – “so”",
            n=2,
            size="1536x1024",
            quality="xhigh",
            background="opaque",
            output_format="webp",
            output_compression=100,
            moderation="low",
            complexity="high",
            user="u-1",
            safety_identifier="s-1",
        )
        assert looks(answer) == [("webp", (1536, 1024), "RGB")] * 2
        assert sim.calls == 1
        assert sim.requests[0].json == {
            "model": MODEL,
            "prompt": "a fox\nat dusk – “so”",
            "n": 2,
            "size": "1536x1024",
            "quality": "xhigh",
            "background": "opaque",
            "output_format": "webp",
            "output_compression": 100,
            "moderation": "low",
            "complexity": "high",
            "user": "u-1",
            "safety_identifier": "s-1",
        }

    def test_the_callers_key_stays_here(self, client: OpenAI, sim: OpenAISimulator) -> None:
        client.images.generate(model=MODEL, prompt="a")
        headers = sim.requests[0].headers
        assert headers["authorization"] == f"Bearer {PROVIDER_KEY}"
        assert not [name for name, value in headers.items() if KEY in value or name.startswith("x-stainless")]

    def test_unknown_fields_both_ways(self, client: OpenAI, sim: OpenAISimulator) -> None:
        sim.extra_top, sim.extra_item = {"x_future": {"a": [1]}}, {"x_score": 0.5}
        answer = client.images.generate(model=MODEL, prompt="a", extra_body={"x_new": {"deep": [1, None]}})
        assert sim.requests[0].json["x_new"] == {"deep": [1, None]}
        assert answer.to_dict()["x_future"] == {"a": [1]}
        assert answer.data and answer.data[0].to_dict()["x_score"] == 0.5

    def test_the_pictures_bytes_are_untouched(self, client: OpenAI, sim: OpenAISimulator) -> None:
        sim.picture = pictures.noise_png(400_000)
        answer = client.images.generate(model=MODEL, prompt="a", n=2)
        assert bytes_of(answer) == [sim.picture] * 2

    def test_a_url_is_made_here(self, client: OpenAI, sim: OpenAISimulator, gateway: Gateway) -> None:
        answer = client.images.generate(model=MODEL, prompt="a", response_format="url")
        assert answer.data and answer.data[0].url and answer.data[0].url.startswith(f"{gateway.url}/i/")
        assert "response_format" not in sim.requests[0].json
        assert answer.usage and answer.usage.output_tokens == 272

    def test_usage(self, client: OpenAI, sim: OpenAISimulator) -> None:
        usage = client.images.generate(model=MODEL, prompt="a", n=3).usage
        assert usage and usage.output_tokens == 3 * 272 and usage.input_tokens == 1


class TestEdit:
    def test_one_file(self, client: OpenAI, sim: OpenAISimulator) -> None:
        client.images.edit(model=MODEL, prompt="bluer", image=("my fox.png", pictures.png()), n=2, size="1024x1024")
        request = sim.requests[0]
        assert request.fields == {"model": MODEL, "prompt": "bluer", "n": "2", "size": "1024x1024"}
        assert [(part.name, part.content_type, part.data) for part in request.files] == [("image", "image/png", pictures.png())]

    def test_nameless_bytes_get_their_real_type(self, client: OpenAI, sim: OpenAISimulator) -> None:
        client.images.edit(model=MODEL, prompt="bluer", image=pictures.webp())
        (part,) = sim.requests[0].files
        assert (part.content_type, part.data) == ("image/webp", pictures.webp())
        assert part.filename and part.filename.endswith(".webp")

    def test_list_and_mask_keep_their_order(self, client: OpenAI, sim: OpenAISimulator) -> None:
        sent = [pictures.png(), pictures.jpeg((32, 32)), pictures.webp(), pictures.png((8, 8))]
        answer = client.images.edit(model=MODEL, prompt="mix", image=sent, mask=pictures.mask())
        parts = sim.requests[0].files
        assert [part.data for part in parts if part.name == "image[]"] == sent
        assert [part.data for part in parts if part.name == "mask"] == [pictures.mask()]
        assert answer.usage and answer.usage.input_tokens_details.image_tokens == 400

    def test_markup(self, client: OpenAI, sim: OpenAISimulator) -> None:
        markup = pictures.png(alpha=10)
        client.images.edit(model=MODEL, prompt="mix", image=pictures.png(), markup=markup)
        assert [part.data for part in sim.requests[0].files if part.name == "markup"] == [markup]

    def test_unknown_fields_both_ways(self, client: OpenAI, sim: OpenAISimulator) -> None:
        sim.extra_top = {"x_future": 7}
        answer = client.images.edit(model=MODEL, prompt="a", image=pictures.png(), extra_body={"x_new": "so"})
        assert sim.requests[0].fields["x_new"] == "so"
        assert answer.to_dict()["x_future"] == 7


class TestStream:
    def test_generate(self, client: OpenAI, sim: OpenAISimulator) -> None:
        sim.extra_top = {"x_future": "here"}
        with client.images.generate(model=MODEL, prompt="a", size="1024x1024", stream=True, partial_images=3) as stream:
            events = check_stream(stream, "image_generation", 3)
        assert sim.requests[0].json["stream"] is True and sim.requests[0].json["partial_images"] == 3
        assert {event.to_dict()["x_future"] for event in events} == {"here"}

    def test_edit(self, client: OpenAI, sim: OpenAISimulator) -> None:
        with client.images.edit(
            model=MODEL, prompt="a", image=[pictures.png(), pictures.png()], stream=True, partial_images=1
        ) as stream:
            check_stream(stream, "image_edit", 1)
        assert sim.requests[0].fields["stream"] == "true"

    def test_from_a_provider_without_partial_images(self, client: OpenAI, sim: OpenAISimulator) -> None:
        sim.streaming.partials = 0
        with client.images.generate(model=MODEL, prompt="a", stream=True, partial_images=2) as stream:
            check_stream(stream, "image_generation", 0)


class TestHeaders:
    def test_of_a_json_answer(self, client: OpenAI, sim: OpenAISimulator) -> None:
        raw = client.images.with_raw_response.generate(model="gpt-image-1.5", prompt="a", size="512x512", style="vivid")
        headers = raw.headers
        assert headers["x-imagegate-channel"] == "openai" and headers["x-imagegate-model"] == "gpt-image-1.5"
        assert headers["x-imagegate-size"] == "512x512->1024x1024"
        assert headers["x-imagegate-dropped-params"] == "style"
        assert int(headers["openai-processing-ms"]) >= 0
        answer = raw.parse()
        assert answer._request_id == headers["x-request-id"] != ""
        assert looks(answer) == [("png", (1024, 1024), "P")]

    def test_of_a_stream(self, client: OpenAI, sim: OpenAISimulator) -> None:
        raw = client.images.with_raw_response.generate(model=MODEL, prompt="a", stream=True, partial_images=1)
        assert raw.headers["content-type"].startswith("text/event-stream")
        assert raw.headers["cache-control"] == "no-store" and raw.headers["x-accel-buffering"] == "no"
        assert raw.headers["x-request-id"] and raw.headers["x-imagegate-attempts"] == "1"
        check_stream(raw.parse(), "image_generation", 1)

    def test_of_a_streamed_json_answer(self, client: OpenAI, sim: OpenAISimulator) -> None:
        with client.images.with_streaming_response.edit(model=MODEL, prompt="a", image=pictures.png()) as raw:
            assert raw.headers["x-request-id"] == raw.request_id
            assert looks(raw.parse()) == [("png", (1024, 1024), "P")]


class TestAzure:
    def test_the_deployment_in_the_path_is_the_model(self, gateway: Gateway, sim: OpenAISimulator) -> None:
        with AzureOpenAI(
            azure_endpoint=gateway.url, azure_deployment=MODEL, api_key=KEY, api_version="2025-04-01-preview"
        ) as azure:
            answer = azure.images.edit(prompt="a", image=[pictures.png(), pictures.jpeg()], mask=pictures.mask())
        assert looks(answer) == [("png", (1024, 1024), "P")]
        assert sim.requests[0].fields["model"] == MODEL and len(sim.requests[0].files) == 3
