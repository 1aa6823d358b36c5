"""Failures as openai-python shows them to an application, and which of them it tries again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.clients.sdk import bytes_of, check_stream, connect, looks
from tests.simulators.base import Reply
from tests.simulators.openai import KEY as PROVIDER_KEY
from tests.simulators.openai import OpenAISimulator
from tests.simulators.openai_rules import envelope
from tests.support import pictures
from tests.support.gateway import KEY, SANDBOX, Gateway, gateway_settings, openai_channel

FAILING = [
    ("401", openai.InternalServerError, 503, "upstream_auth_failed"),
    ("429", openai.RateLimitError, 429, "upstream_rate_limited"),
    ("500", openai.InternalServerError, 502, "upstream_ambiguous"),
    ("503", openai.InternalServerError, 503, "upstream_unavailable"),
    ("timeout", openai.InternalServerError, 504, "upstream_timeout"),
    ("refuse", openai.PermissionDeniedError, 403, "moderation_blocked"),
]
IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"n": 0}, "n"),
    ({"n": 11}, "n"),
    ({"size": "huge"}, "size"),
    ({"quality": "best"}, "quality"),
    ({"background": "plaid"}, "background"),
    ({"output_format": "tiff"}, "output_format"),
    ({"partial_images": 4, "stream": True}, "partial_images"),
    ({"response_format": "hex"}, "response_format"),
    ({"prompt": ""}, "prompt"),
    ({"prompt": "x" * 32_001}, "prompt"),
]


@pytest.fixture
def own(sim: OpenAISimulator, tmp_path: Path) -> Iterator[OpenAI]:
    """A client with the SDK's own retries, and a gateway whose memory of failures ends with the test."""
    channel = openai_channel(sim.base_url, PROVIDER_KEY, ["gpt-image-2"])
    auth = {"keys": [{"name": "sandbox-only", "key": KEY, "models": ["sandbox", "gpt-image-2"]}]}
    with Gateway(gateway_settings(tmp_path, [channel, SANDBOX], auth=auth)) as gateway, connect(gateway) as sdk:
        yield sdk


def check(error: openai.APIStatusError, status: int, code: str, param: str | None = None) -> None:
    """OpenAI's envelope, as the SDK took it apart."""
    assert (error.status_code, error.code, error.param) == (status, code, param)
    assert error.type and isinstance(error.body, dict) and set(error.body) == {"message", "type", "param", "code"}
    assert error.request_id == error.response.headers["x-request-id"] != ""


class TestTheCallersOwn:
    @pytest.mark.parametrize(("wrong", "param"), IMPOSSIBLE, ids=lambda value: value if isinstance(value, str) else "")
    def test_a_field(self, client: OpenAI, wrong: dict[str, Any], param: str) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.generate(**{"model": "sandbox", "prompt": "a fox", **wrong})
        assert caught.value.param == param and caught.value.code
        assert caught.value.type == "invalid_request_error" and caught.value.request_id

    def test_a_wrong_key(self, gateway: Gateway) -> None:
        with connect(gateway, key="not-the-key-0123456789") as sdk, pytest.raises(openai.AuthenticationError) as caught:
            sdk.images.generate(prompt="a fox")
        check(caught.value, 401, "invalid_api_key")
        assert "0123456789" not in str(caught.value)

    def test_an_unknown_model(self, client: OpenAI) -> None:
        with pytest.raises(openai.NotFoundError) as caught:
            client.images.generate(model="dall-f", prompt="a fox")
        check(caught.value, 404, "model_not_found", "model")
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("dall-f")

    def test_a_model_that_the_key_may_not_use(self, own: OpenAI) -> None:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            own.images.generate(model="sandbox-slow", prompt="a fox")
        check(caught.value, 403, "permission_denied")

    def test_a_wrong_base_url(self, gateway: Gateway) -> None:
        with OpenAI(base_url=f"{gateway.base_url}/v1", api_key=KEY) as sdk, pytest.raises(openai.NotFoundError) as caught:
            sdk.images.generate(prompt="a fox")
        assert "/v1 stands twice" in caught.value.message

    def test_a_file_that_is_no_picture(self, client: OpenAI) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.edit(model="sandbox", prompt="a", image=("a.png", b"%PDF-1.7 no picture at all"))
        assert caught.value.param == "image[0]" and caught.value.code

    def test_a_mask_of_another_size(self, client: OpenAI) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.edit(model="sandbox", prompt="a", image=pictures.png(), mask=pictures.mask((8, 8)))
        assert caught.value.param == "mask"

    def test_plain_errors_also_when_a_stream_was_asked_for(self, client: OpenAI) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.generate(model="sandbox", prompt="a", n=11, stream=True)
        assert caught.value.param == "n"


class TestTheProviders:
    @pytest.mark.parametrize(("word", "kind", "status", "code"), FAILING)
    @pytest.mark.parametrize("stream", [False, True])
    def test_before_the_first_picture(
        self, client: OpenAI, word: str, kind: type[openai.APIStatusError], status: int, code: str, stream: bool
    ) -> None:
        with pytest.raises(kind) as caught:
            client.images.generate(model="sandbox", prompt=f"sandbox:{word}", stream=stream)
        check(caught.value, status, code)

    async def test_in_the_async_client(self, gateway: Gateway) -> None:
        async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as sdk:
            with pytest.raises(openai.RateLimitError):
                await sdk.images.edit(model="sandbox", prompt="sandbox:429", image=pictures.png())

    def test_within_a_stream(self, client: OpenAI) -> None:
        seen: list[str] = []
        with (
            pytest.raises(openai.APIError) as caught,
            client.images.generate(model="sandbox", prompt="sandbox:cut", stream=True, partial_images=2) as stream,
        ):
            seen.extend(event.type for event in stream)
        assert seen == ["image_generation.partial_image"]
        assert caught.value.code == "upstream_invalid_response"

    def test_within_a_json_answer(self, client: OpenAI) -> None:
        with pytest.raises(openai.APIConnectionError):
            client.images.generate(model="sandbox", prompt="sandbox:cut")

    def test_the_providers_reason_for_a_refused_field(self, client: OpenAI, sim: OpenAISimulator) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.generate(model="gpt-image-2", prompt="a", extra_body={"made_up": 1})
        check(caught.value, 400, "unknown_parameter", "made_up")
        assert sim.calls == 1

    def test_the_gateways_key_is_not_the_callers_business(self, own: OpenAI, sim: OpenAISimulator) -> None:
        body = envelope(f"Incorrect API key provided: {PROVIDER_KEY}.", "invalid_request_error", None, "invalid_api_key")
        sim.fail_next(401, body)
        with pytest.raises(openai.InternalServerError) as caught:
            own.images.generate(model="gpt-image-2", prompt="a")
        check(caught.value, 503, "upstream_auth_failed")
        assert PROVIDER_KEY not in caught.value.response.text
        assert sim.calls == 1


class TestRetriesOfTheSdk:
    """The SDK tries again what costs nothing, and leaves alone what may have been paid."""

    def test_after_a_limit(self, own: OpenAI, sim: OpenAISimulator) -> None:
        body = envelope("Rate limit reached.", "requests", None, "rate_limit_exceeded")
        sim.fail_next(429, body, {"retry-after-ms": "20"})
        assert looks(own.images.generate(model="gpt-image-2", prompt="a")) == [("png", (1024, 1024), "P")]
        assert sim.calls == 2

    @pytest.mark.parametrize(
        "reply",
        [
            Reply.json(envelope("The server had an error.", "server_error"), status=500),
            Reply.raw(b"<html>Bad gateway</html>", "text/html", status=502),
            Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html"),
            Reply.json({"created": 1, "data": []}),
        ],
        ids=["500", "html 502", "html 200", "no data"],
    )
    def test_not_after_work_that_may_be_paid(self, own: OpenAI, sim: OpenAISimulator, reply: Reply) -> None:
        sim.script(reply)
        with pytest.raises(openai.InternalServerError) as caught:
            own.images.generate(model="gpt-image-2", prompt="a")
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert sim.calls == 1

    def test_not_after_a_broken_stream(self, own: OpenAI, sim: OpenAISimulator) -> None:
        sim.streaming.error_after = 1
        with (
            pytest.raises(openai.APIError),
            own.images.generate(model="gpt-image-2", prompt="a", stream=True, partial_images=2) as stream,
        ):
            list(stream)
        assert sim.calls == 1

    def test_the_next_request_is_served_as_ever(self, own: OpenAI, sim: OpenAISimulator) -> None:
        with pytest.raises(openai.APIError):
            own.images.generate(model="sandbox", prompt="sandbox:500")
        assert bytes_of(own.images.generate(model="gpt-image-2", prompt="a"))
        with own.images.generate(model="gpt-image-2", prompt="a", stream=True) as stream:
            check_stream(stream, "image_generation", 0)
