"""The simulator against DashScope's own SDK, its 1.x calls (whose settings are global) and its 2.0 client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import dashscope
import httpx
import pytest
from dashscope.aigc.image_generation import ImageGeneration
from dashscope.api_entities.dashscope_response import Message
from dashscope.api_entities.http_request import close_shared_sync_session
from dashscope.v2 import errors

from tests.simulators.dashscope import KEY, DashscopeSimulator
from tests.simulators.dashscope_rules import MODELS
from tests.support import pictures


@pytest.fixture
def sim() -> Iterator[DashscopeSimulator]:
    with DashscopeSimulator() as simulator:
        yield simulator


@pytest.fixture
def sdk(sim: DashscopeSimulator) -> Iterator[Any]:
    """The 1.x module, pointed at the simulator and put back afterwards."""
    before = dashscope.base_http_api_url, dashscope.api_key
    dashscope.base_http_api_url, dashscope.api_key = sim.base_url, KEY
    yield dashscope
    dashscope.base_http_api_url, dashscope.api_key = before
    close_shared_sync_session()


@pytest.fixture
def client(sim: DashscopeSimulator) -> Iterator[dashscope.Client]:
    with dashscope.Client(api_key=KEY, base_url=sim.base_url, max_retries=0) as connected:
        yield connected


def seen(url: str) -> pictures.Look:
    with urlopen(url, timeout=5) as answer:
        return pictures.look(answer.read())


def said(*content: dict[str, str]) -> list[Message]:
    return [Message(role="user", content=list(content))]


class TestOldCalls:
    """ImageSynthesis, ImageGeneration and MultiModalConversation of 1.x."""

    def test_a_message_at_once(self, sim: DashscopeSimulator, sdk: Any) -> None:
        answer = sdk.MultiModalConversation.call(
            model="qwen-image-3.0",
            messages=[{"role": "user", "content": [{"image": pictures.data_url(pictures.png())}, {"text": "a cat"}]}],
            result_format="message",
            size="1536*1024",
            n=2,
            watermark=False,
        )
        assert (answer.status_code, answer.code) == (200, "")
        parts = answer.output.choices[0].message.content
        assert [seen(part["image"]).size for part in parts] == [(1536, 1024)] * 2
        assert answer.usage["output_width"] == 1536
        assert sim.requests[0].json["parameters"]["size"] == "1536*1024"

    def test_an_image_generation(self, sim: DashscopeSimulator, sdk: Any) -> None:
        answer: Any = ImageGeneration.call(model="wan2.6-t2i", messages=said({"text": "a cat"}), n=1, size="1280*1280")
        assert answer.status_code == 200
        assert seen(answer.output.choices[0].message.content[0]["image"]).size == (1280, 1280)
        assert (answer.usage.input_tokens, answer.usage["size"]) == (34, "1280*1280")

    def test_words_and_pictures_in_turn(self, sim: DashscopeSimulator, sdk: Any) -> None:
        frames: Any = ImageGeneration.call(
            model="wan2.6-image",
            messages=said({"text": "three steps"}),
            stream=True,
            enable_interleave=True,
            max_images=3,
            size="1280*1280",
        )
        parts = [part for frame in frames for part in frame.output.choices[0].message.content]
        assert [seen(part["image"]).size for part in parts if part["type"] == "image"] == [(1280, 1280)] * 3
        assert parts[0] == {"type": "text", "text": "Step 1"}
        assert sim.requests[0].headers["x-dashscope-sse"] == "enable"

    def test_an_image_generation_as_a_job(self, sim: DashscopeSimulator, sdk: Any) -> None:
        sim.states = ()
        job: Any = ImageGeneration.async_call(model="wan2.7-image", messages=said({"text": "a cat"}), n=2, size="1K")
        assert job.output["task_status"] == "PENDING"
        answer = ImageGeneration.wait(job)
        assert answer.output["task_status"] == "SUCCEEDED"
        assert len(answer.output.choices[0].message.content) == 2

    def test_a_prompt_as_a_job(self, sim: DashscopeSimulator, sdk: Any) -> None:
        sim.states = ()
        answer = sdk.ImageSynthesis.call(model="wan2.2-t2i-flash", prompt="a cat", n=2, size="1024*768", negative_prompt="dogs")
        assert (answer.status_code, answer.output.task_status) == (200, "SUCCEEDED")
        assert [seen(result.url).size for result in answer.output.results] == [(1024, 768)] * 2
        assert answer.usage.image_count == 2
        assert sim.requests[0].json["input"] == {"prompt": "a cat", "negative_prompt": "dogs"}

    def test_a_function_with_a_mask(self, sim: DashscopeSimulator, sdk: Any) -> None:
        sim.states = ()
        picture = pictures.data_url(pictures.png())
        answer = sdk.ImageSynthesis.call(
            model="wanx2.1-imageedit",
            prompt="a cat",
            function="description_edit_with_mask",
            base_image_url=picture,
            mask_image_url=picture,
            n=1,
        )
        assert answer.output.task_status == "SUCCEEDED"
        assert sim.requests[0].path.endswith("/image2image/image-synthesis")

    def test_a_queued_job_is_cancelled(self, sim: DashscopeSimulator, sdk: Any) -> None:
        job = sdk.ImageSynthesis.async_call(model="wan2.2-t2i-flash", prompt="a cat")
        assert sdk.ImageSynthesis.cancel(job).status_code == 200
        assert sdk.ImageSynthesis.fetch(job).output.task_status == "CANCELED"
        again = sdk.ImageSynthesis.cancel("nobody")
        assert (again.status_code, again.code) == (400, "UnsupportedOperation")

    def test_a_blocked_picture(self, sim: DashscopeSimulator, sdk: Any) -> None:
        sim.states, sim.blocked = (), frozenset({0})
        answer = sdk.ImageSynthesis.call(model="wan2.2-t2i-flash", prompt="a cat", n=2)
        first, second = answer.output.results
        assert first["code"] == "DataInspectionFailed"
        assert second.url.startswith(sim.url)
        assert answer.output["task_metrics"] == {"TOTAL": 2, "SUCCEEDED": 1, "FAILED": 1}

    @pytest.mark.parametrize(
        ("given", "status", "code"),
        [
            ({"prompt": "[content]"}, 400, "DataInspectionFailed"),
            ({"prompt": "[rate]"}, 429, "Throttling.RateQuota"),
            ({"prompt": "[arrearage]"}, 400, "Arrearage"),
            ({"prompt": "[500]"}, 500, "InternalError.Algo"),
            ({"size": "1024x1024"}, 400, "InvalidParameter"),
            ({"size": "64*64"}, 400, "InvalidParameter"),
            ({"n": 9}, 400, "InvalidParameter"),
            ({"model": "no-such"}, 404, "ModelNotFound"),
            ({"model": "qwen-image-3.0"}, 403, "AccessDenied"),
            ({"api_key": "other"}, 401, "InvalidApiKey"),
            ({"workspace": "w"}, 403, "Workspace.AccessDenied"),
        ],
    )
    def test_refusals(self, sim: DashscopeSimulator, sdk: Any, given: dict[str, Any], status: int, code: str) -> None:
        sim.workspace = "other" if "workspace" in given else None
        answer = sdk.ImageSynthesis.async_call(**{"model": "wan2.2-t2i-flash", "prompt": "a cat", **given})
        assert (answer.status_code, answer.code) == (status, code)

    def test_a_task_that_nobody_knows(self, sdk: Any) -> None:
        assert sdk.ImageSynthesis.fetch("gone").output.task_status == "UNKNOWN"


class TestNewClient:
    """dashscope.Client of 2.0."""

    def test_a_prompt_model(self, sim: DashscopeSimulator, client: dashscope.Client) -> None:
        sim.states = ()
        job = client.images.generate(model="wan2.2-t2i-flash", prompt="a cat", n=1, size="1024x1024")
        assert job.succeeded
        assert seen(job.image_urls[0]).size == (1024, 1024)

    def test_a_message_model(self, sim: DashscopeSimulator, client: dashscope.Client) -> None:
        picture = pictures.data_url(pictures.png())
        job = client.images.generate(model="wan2.6-image", prompt="a cat", image_urls=[picture], n=2, size="1K")
        assert job.succeeded and len(job.image_urls) == 2

    def test_a_failed_task(self, sim: DashscopeSimulator, client: dashscope.Client) -> None:
        sim.states = ()
        with pytest.raises(errors.ContentFilterError):
            client.images.generate(model="wan2.2-t2i-flash", prompt="a cat [task_content]")

    @pytest.mark.parametrize(
        ("prompt", "kind"),
        [
            ("[content]", errors.ContentFilterError),
            ("[content_200]", errors.ContentFilterError),
            ("[rate]", errors.RateLimitError),
            ("[busy]", errors.ServiceUnavailableError),
            ("[500]", errors.InternalServerError),
        ],
    )
    def test_refusals(self, client: dashscope.Client, prompt: str, kind: type[Exception]) -> None:
        with pytest.raises(kind):
            client.images.jobs.create(model="wan2.2-t2i-flash", prompt=prompt)

    def test_another_key(self, sim: DashscopeSimulator) -> None:
        other = dashscope.Client(api_key="sk-other", base_url=sim.base_url, max_retries=0)
        with other, pytest.raises(errors.AuthenticationError):
            other.images.jobs.create(model="wan2.2-t2i-flash", prompt="a cat")


class TestRules:
    """What the SDK does not send."""

    @pytest.fixture
    def web(self, sim: DashscopeSimulator) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=sim.base_url, headers={"authorization": f"Bearer {KEY}"}, verify=False) as raw:
            yield raw

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"messages": []}, "InvalidParameter"),
            ({"input": None}, "BadRequest.EmptyInput"),
            ({"input": {"prompt": "a"}}, "InvalidParameter"),
            ({"input": {"messages": [{"role": "system", "content": []}]}}, "InvalidParameter"),
            ({"input": {"messages": [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]}}, "InvalidParameter"),
            ({"input": {"messages": [{"role": "user", "content": [{"image": "cat.png"}, {"text": "b"}]}]}}, "InvalidURL"),
            ({"parameters": {"size": "1K"}}, "InvalidParameter"),
            ({"parameters": {"size": "8192*64"}}, "InvalidParameter"),
        ],
    )
    def test_bodies(self, web: httpx.Client, body: dict[str, Any], code: str) -> None:
        good = {"model": "qwen-image-3.0", "input": {"messages": [{"role": "user", "content": [{"text": "a"}]}]}}
        path = "/services/aigc/multimodal-generation/generation"
        assert web.post(path, json=good).status_code == 200
        answer = web.post(path, json={**good, **body})
        assert (answer.status_code, answer.json()["code"]) == (400, code)

    @pytest.mark.parametrize("model", ["wan2.2-t2i-flash", "wanx2.1-imageedit"])
    def test_jobs_need_their_header(self, web: httpx.Client, model: str) -> None:
        kind = "text2image" if "text2image" in MODELS[model].calls else "image2image"
        answer = web.post(f"/services/aigc/{kind}/image-synthesis", json={"model": model, "input": {"prompt": "a"}})
        assert (answer.status_code, answer.json()["code"]) == (403, "AccessDenied")

    def test_unknown_paths(self, web: httpx.Client) -> None:
        assert web.post("/services/aigc/none").status_code == 404
