"""openai-node and the AI SDK against a running gateway; each scenario is a process of its own."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai.types import ImagesResponse

from tests.clients.node import Scripts, need_node
from tests.clients.sdk import check_stream, looks, typed_events
from tests.simulators.openai import OpenAISimulator
from tests.support import pictures
from tests.support.gateway import Gateway

PROVIDED = "gpt-image-2"
A, B, C = pictures.png((64, 64)), pictures.jpeg((32, 32)), pictures.webp((32, 32))
MASK = pictures.mask((64, 64))


@pytest.fixture
def scripts(gateway: Gateway, tmp_path: Path) -> Scripts:
    prepared = Scripts(need_node(), gateway, tmp_path)
    prepared.add({"a.png": A, "b.jpg": B, "c.webp": C, "mask.png": MASK})
    return prepared


class TestOpenAINode:
    def node(self, scripts: Scripts, scenario: str, model: str = "sandbox") -> Any:
        return scripts.run("openai_node.mjs", scenario, model)

    def answer(self, scripts: Scripts, scenario: str, model: str = "sandbox") -> ImagesResponse:
        return ImagesResponse.model_validate(self.node(scripts, scenario, model))

    def test_generate(self, scripts: Scripts) -> None:
        report = self.node(scripts, "generate")
        answer = ImagesResponse.model_validate(report["answer"])
        assert looks(answer) == [("webp", (1024, 1024), "RGB")] * 2
        assert (answer.quality, answer.size) == ("high", "1024x1024")
        assert report["requestId"] == report["header"] != ""

    def test_generate_through_a_provider(self, scripts: Scripts, sim: OpenAISimulator) -> None:
        self.node(scripts, "generate", PROVIDED)
        wanted = {"model": PROVIDED, "prompt": "a fox", "n": 2, "size": "1024x1024", "quality": "high", "output_format": "webp"}
        assert [request.json for request in sim.requests] == [wanted]

    def test_a_url(self, scripts: Scripts) -> None:
        answer = self.answer(scripts, "generateUrl")
        assert answer.data and answer.data[0].url
        assert pictures.look(httpx2.get(answer.data[0].url).content).size == (256, 256)

    def test_edit_one_with_fields_behind_it(self, scripts: Scripts) -> None:
        assert looks(self.answer(scripts, "editOne")) == [("png", (64, 64), "RGB")] * 2

    def test_edit_a_stream_without_a_type(self, scripts: Scripts, sim: OpenAISimulator) -> None:
        assert self.answer(scripts, "editNameless", PROVIDED).data
        assert [(part.content_type, part.data) for part in sim.requests[0].files] == [("image/png", A)]

    def test_edit_several(self, scripts: Scripts, sim: OpenAISimulator) -> None:
        assert self.answer(scripts, "editSeveral", PROVIDED).data
        assert [part.data for part in sim.requests[0].files] == [A, B, C]

    def test_edit_with_a_mask(self, scripts: Scripts) -> None:
        assert looks(self.answer(scripts, "editMask")) == [("png", (64, 64), "RGB")]

    @pytest.mark.parametrize("model", ["sandbox", PROVIDED])
    def test_stream_generate(self, scripts: Scripts, sim: OpenAISimulator, model: str) -> None:
        check_stream(typed_events(self.node(scripts, "streamGenerate", model)), "image_generation", 3)

    def test_stream_edit(self, scripts: Scripts) -> None:
        check_stream(typed_events(self.node(scripts, "streamEdit")), "image_edit", 2)

    def test_azure(self, scripts: Scripts) -> None:
        assert looks(self.answer(scripts, "azure")) == [("png", (1024, 1024), "RGB")]

    def test_models(self, scripts: Scripts) -> None:
        assert {"sandbox", PROVIDED} <= set(self.node(scripts, "models"))

    def test_errors(self, scripts: Scripts) -> None:
        errors = self.node(scripts, "errors")
        told = {name: (error["class"], error.get("status"), error["code"]) for name, error in errors.items()}
        assert told == {
            "field": ("BadRequestError", 400, "invalid_value"),
            "key": ("AuthenticationError", 401, "invalid_api_key"),
            "model": ("NotFoundError", 404, "model_not_found"),
            "limit": ("RateLimitError", 429, "upstream_rate_limited"),
            "stream": ("APIError", None, "upstream_invalid_response"),
        }
        assert errors["field"]["param"] == "n"
        assert all(error["requestID"] for name, error in errors.items() if name != "stream")


@pytest.mark.parametrize("package", ["openai", "compatible"])
class TestAiSdk:
    def made(self, scripts: Scripts, *arguments: str) -> list[pictures.Look]:
        report = scripts.run("ai_sdk.mjs", *arguments)
        assert "error" not in report, report
        found = [pictures.look(base64.b64decode(image["b64_json"])) for image in report["images"]]
        assert [image["mediaType"] for image in report["images"]] == [f"image/{look.format}" for look in found]
        assert report["usage"]["totalTokens"] > 0
        return found

    def test_generate(self, scripts: Scripts, package: str) -> None:
        assert self.made(scripts, package, "generate", "sandbox") == [("webp", (1024, 1024), "RGB")] * 2

    @pytest.mark.parametrize("model", [PROVIDED, "dall-e-3"])
    def test_whatever_the_model_is_called(self, scripts: Scripts, sim: OpenAISimulator, package: str, model: str) -> None:
        assert len(self.made(scripts, package, "plain", model)) == 1

    def test_edit_one(self, scripts: Scripts, package: str) -> None:
        assert self.made(scripts, package, "editOne", "sandbox") == [("png", (64, 64), "RGB")] * 2

    def test_edit_several(self, scripts: Scripts, sim: OpenAISimulator, package: str) -> None:
        assert self.made(scripts, package, "editSeveral", PROVIDED) == [("png", (1024, 1024), "P")]
        assert [(part.content_type, part.data) for part in sim.requests[0].files] == [("image/png", A), ("image/jpeg", B)]

    @pytest.mark.parametrize("model", ["sandbox", "dall-e-2"])
    def test_edit_with_a_mask(self, scripts: Scripts, package: str, model: str) -> None:
        assert self.made(scripts, package, "editMask", model) == [("png", (64, 64), "RGB")]

    def test_a_refusal(self, scripts: Scripts, package: str) -> None:
        error = scripts.run("ai_sdk.mjs", package, "refused", "sandbox")["error"]
        assert (error["name"], error["statusCode"], error["isRetryable"]) == ("AI_APICallError", 403, False)
        assert "safety" in error["message"]
