"""The three endpoints: which model, which form, what is told, and what is left behind."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from imagegate.api.openai.images import VARIATION_PROMPT, OriginPublisher
from tests.media.spooling import open_files
from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.simulators.openai import OpenAISimulator
from tests.support import pictures
from tests.support.gateway import KEY, SANDBOX, Gateway, gateway_settings, openai_channel
from tests.support.waiting import wait_until

MODEL = "gpt-image-2"
HOUSE = "house-key-0123456789"
"""A key with a default model of its own, which may use nothing else."""
PNG = pictures.png((64, 64))


@pytest.fixture(scope="module")
def simulator() -> Iterator[OpenAISimulator]:
    with OpenAISimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def running(simulator: OpenAISimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    models = {MODEL: {}, "house": {"upstream": MODEL, "defaults": {"quality": "medium"}, "overrides": {"user": "us"}}}
    channels = [openai_channel(simulator.base_url, PROVIDER_KEY, models), SANDBOX]
    keys = [{"name": "test", "key": KEY}, {"name": "house", "key": HOUSE, "models": ["house"], "default_model": "house"}]
    settings = gateway_settings(tmp_path_factory.mktemp("images"), channels, auth={"keys": keys})
    with Gateway(settings) as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Gateway, simulator: OpenAISimulator) -> Gateway:
    """A gateway whose provider has seen nothing yet."""
    simulator.requests.clear()
    return running


def generate(gateway: Gateway, key: str = KEY, path: str = "/v1/images/generations", **fields: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return requests.post(gateway.url + path, json={"prompt": "a cat", **fields}, headers=headers, timeout=20)


def edit(gateway: Gateway, path: str = "/v1/images/edits", **fields: str) -> requests.Response:
    files = {"image": ("cat.png", PNG, "image/png")}
    return requests.post(gateway.url + path, data=fields, files=files, headers=gateway.authorization, timeout=20)


class TestModel:
    def test_the_bodys_wins_over_the_keys_and_that_over_the_servers(self, gateway: Gateway) -> None:
        assert generate(gateway, model=MODEL).headers["x-imagegate-model"] == MODEL
        assert generate(gateway, HOUSE).headers["x-imagegate-model"] == "house"
        assert generate(gateway, size="64x64").headers["x-imagegate-model"] == "sandbox"

    @pytest.mark.parametrize("prefix", ["/openai/deployments/house", "/openai/deployments/house:openai"])
    def test_a_deployment_in_the_path_wins_over_the_body(self, gateway: Gateway, simulator: OpenAISimulator, prefix: str) -> None:
        answer = generate(gateway, path=f"{prefix}/images/generations?api-version=2025-04-01-preview", model="sandbox")
        assert answer.headers["x-imagegate-channel"] == "openai"
        assert simulator.requests[0].json["model"] == MODEL

    def test_the_operators_defaults_and_overrides_reach_the_provider(self, gateway: Gateway, simulator: OpenAISimulator) -> None:
        assert generate(gateway, HOUSE, user="me").status_code == 200
        sent = simulator.requests[0].json
        assert (sent["model"], sent["quality"], sent["user"]) == (MODEL, "medium", "us")
        assert generate(gateway, HOUSE, quality="low").status_code == 200
        assert simulator.requests[1].json["quality"] == "low"

    def test_a_key_reaches_no_other_model(self, gateway: Gateway, simulator: OpenAISimulator) -> None:
        answer = generate(gateway, HOUSE, model=MODEL)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
        assert simulator.calls == 0


class TestForm:
    @pytest.mark.parametrize(
        ("fields", "member"),
        [
            ({}, "b64_json"),
            ({"response_format": "b64_json"}, "b64_json"),
            ({"response_format": "url"}, "url"),
            ({"model": "dall-e-3"}, "url"),
            ({"model": "dall-e-3", "response_format": "b64_json"}, "b64_json"),
        ],
    )
    def test_of_a_generation(self, gateway: Gateway, fields: dict[str, str], member: str) -> None:
        (item,) = generate(gateway, size="256x256", **fields).json()["data"]
        assert set(item) & {"b64_json", "url"} == {member}

    @pytest.mark.parametrize(("fields", "member"), [({}, "b64_json"), ({"response_format": "url"}, "url")])
    def test_of_an_edit_whatever_its_model_is_called(self, gateway: Gateway, fields: dict[str, str], member: str) -> None:
        (item,) = edit(gateway, prompt="a hat", model="dall-e-2", **fields).json()["data"]
        assert set(item) & {"b64_json", "url"} == {member}

    @pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "images.example.com"])
    def test_a_url_is_on_the_origin_that_the_client_called(self, gateway: Gateway, host: str) -> None:
        called = host.format(port=gateway.port)
        headers = {**gateway.authorization, "Host": called}
        asked = {"prompt": "a cat", "size": "64x64", "response_format": "url"}
        answer = requests.post(f"{gateway.base_url}/images/generations", json=asked, headers=headers, timeout=20)
        (item,) = answer.json()["data"]
        assert item["url"].startswith(f"http://{called}/i/")
        picture = requests.get(gateway.url + item["url"].partition(called)[2], timeout=20)
        assert pictures.look(picture.content).size == (64, 64)

    def test_a_public_url_stands_before_it_where_the_operator_set_one(self, tmp_path: Path) -> None:
        settings = gateway_settings(tmp_path, server={"public_url": "https://images.example.com/"})
        with Gateway(settings) as gateway:
            (item,) = generate(gateway, size="64x64", response_format="url").json()["data"]
        assert item["url"].startswith("https://images.example.com/i/")

    async def test_a_publisher_puts_the_origin_before_the_path(self) -> None:
        class Store:
            async def publish(self, chunks: object) -> str:
                return "/i/x.png?a=b"

        async def nothing() -> Any:
            yield b""

        assert await OriginPublisher(Store(), "https://x.test").publish(nothing()) == "https://x.test/i/x.png?a=b"


class TestEdits:
    def test_a_generation_with_pictures_is_an_edit(self, gateway: Gateway, simulator: OpenAISimulator) -> None:
        answer = generate(gateway, model=MODEL, image=base64.b64encode(PNG).decode())
        assert answer.status_code == 200
        (request,) = simulator.requests
        assert request.path == "/v1/images/edits"
        assert [part.data for part in request.files] == [PNG]

    def test_its_events_are_those_of_the_endpoint_that_was_called(self, gateway: Gateway) -> None:
        answer = generate(gateway, model=MODEL, image=base64.b64encode(PNG).decode(), stream=True)
        assert "event: image_generation.completed" in answer.text
        assert "event: image_edit.completed" in edit(gateway, prompt="a hat", model=MODEL, stream="true").text

    @pytest.mark.parametrize("fields", [{}, {"prompt": "of their own"}])
    def test_a_variation_is_an_edit_with_a_fixed_instruction(
        self, gateway: Gateway, simulator: OpenAISimulator, fields: dict[str, str]
    ) -> None:
        answer = edit(gateway, "/v1/images/variations", model=MODEL, n="2", **fields)
        assert len(answer.json()["data"]) == 2
        (request,) = simulator.requests
        assert (request.path, request.fields["prompt"]) == ("/v1/images/edits", VARIATION_PROMPT)


class TestWhatIsTold:
    @pytest.mark.parametrize("stream", [False, True])
    def test_what_became_of_parameters(self, gateway: Gateway, simulator: OpenAISimulator, stream: bool) -> None:
        answer = generate(gateway, model=MODEL, stream=stream, size="1000x1000", style="vivid", api_base="http://evil.test")
        assert answer.status_code == 200
        told = {name: value for name, value in answer.headers.items() if name.startswith("x-imagegate-")}
        assert told == {
            "x-imagegate-model": MODEL,
            "x-imagegate-channel": "openai",
            "x-imagegate-attempts": "1",
            "x-imagegate-dropped-params": "api_base,style",
            "x-imagegate-size": f"1000x1000->{simulator.requests[0].json['size']}",
        }
        assert not {"style", "api_base"} & set(simulator.requests[0].json)

    @pytest.mark.parametrize("stream", [False, True])
    def test_the_next_channel_is_told_too(self, tmp_path: Path, simulator: OpenAISimulator, stream: bool) -> None:
        dead = openai_channel("http://127.0.0.1:9/v1", PROVIDER_KEY, [MODEL])
        living = openai_channel(simulator.base_url, PROVIDER_KEY, [MODEL], priority=1)
        with Gateway(gateway_settings(tmp_path, [{**dead, "name": "dead"}, living])) as gateway:
            answer = generate(gateway, model=MODEL, stream=stream)
        assert (answer.headers["x-imagegate-channel"], answer.headers["x-imagegate-attempts"]) == ("openai", "2")


class TestWhatIsLeft:
    """Uploads live exactly as long as their request."""

    LARGE = pictures.noise_png(900_000)

    def files(self, gateway: Gateway) -> int:
        return open_files(gateway.spool)

    def send(self, gateway: Gateway, **fields: Any) -> requests.Response:
        files = [("image[]", ("a.png", self.LARGE, "image/png")), ("mask", ("m.png", self.LARGE, "image/png"))]
        kept = files[: 1 if fields.pop("one", True) else 2]
        url = f"{gateway.base_url}/images/edits"
        return requests.post(url, data=fields, files=kept, headers=gateway.authorization, timeout=20)

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"prompt": "a hat", "model": MODEL}, 200),
            ({"prompt": "a hat", "model": MODEL, "stream": "true"}, 200),
            ({"prompt": "a hat", "model": "nobody"}, 404),
            ({"model": MODEL}, 400),
            ({"prompt": "a hat", "model": MODEL, "size": "nonsense"}, 400),
            ({"prompt": "a hat", "model": MODEL, "one": False}, 400),
        ],
    )
    def test_nothing(self, gateway: Gateway, fields: dict[str, Any], status: int) -> None:
        assert self.send(gateway, **fields).status_code == status
        wait_until(lambda: self.files(gateway) == 0)

    def test_nothing_when_the_provider_refuses(self, gateway: Gateway, simulator: OpenAISimulator) -> None:
        simulator.fail_next(500)
        assert self.send(gateway, prompt="a hat", model=MODEL).status_code == 502
        wait_until(lambda: self.files(gateway) == 0)

    def test_they_are_there_while_the_provider_reads(self, gateway: Gateway, simulator: OpenAISimulator) -> None:
        simulator.hold()
        session = requests.Session()
        with contextlib.closing(session), contextlib.suppress(requests.Timeout):
            session.post(
                f"{gateway.base_url}/images/edits",
                data={"prompt": "a hat", "model": MODEL},
                files={"image": ("a.png", self.LARGE, "image/png")},
                headers=gateway.authorization,
                timeout=0.3,
            )
        assert self.files(gateway) == 1, "a paid call goes on without its client"
        simulator.release()
        wait_until(lambda: self.files(gateway) == 0)


@pytest.mark.parametrize("path", ["generations", "edits", "variations"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_images_are_made_by_post(gateway: Gateway, path: str, method: str) -> None:
    answer = requests.request(method, f"{gateway.base_url}/images/{path}", headers=gateway.authorization, timeout=10)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["code"] == "method_not_allowed"
