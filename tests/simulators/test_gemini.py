"""The simulator against Google's own SDK: if the SDK is happy, the shape is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.simulators.gemini import KEY, GeminiSimulator
from tests.simulators.google_content import MODELS
from tests.support import pictures

MODEL = "gemini-3-pro-image"


@pytest.fixture
def sim() -> Iterator[GeminiSimulator]:
    with GeminiSimulator() as simulator:
        yield simulator


def connected(sim: GeminiSimulator, **options: Any) -> genai.Client:
    """A client to close; it reads no certificates, which is most of the time that a client takes to make."""
    more: dict[str, Any] = {"api_version": "v1beta", "client_args": {"verify": False}, **options}
    return genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=sim.url, **more))


@pytest.fixture
def client(sim: GeminiSimulator) -> Iterator[genai.Client]:
    with connected(sim) as sdk:
        yield sdk


def shown(answer: types.GenerateContentResponse) -> list[pictures.Look]:
    """The pictures of an answer, decoded."""
    blobs = [part.inline_data for part in answer.parts or [] if part.inline_data]
    return [pictures.look(blob.data or b"") for blob in blobs]


def test_a_picture_from_words(sim: GeminiSimulator, client: genai.Client) -> None:
    answer = client.models.generate_content(model=MODEL, contents="a cat")
    assert shown(answer) == [("jpeg", (1024, 1024), "RGB")]
    assert answer.text == "Here it is." and answer.model_version == MODEL
    assert answer.candidates and answer.candidates[0].finish_reason is types.FinishReason.STOP
    used = answer.usage_metadata
    assert used and used.candidates_tokens_details and used.candidates_tokens_details[0].modality is types.MediaModality.IMAGE
    assert used.total_token_count == (used.prompt_token_count or 0) + (used.candidates_token_count or 0) + 244
    assert sim.requests[-1].path == "/v1beta/models/gemini-3-pro-image:generateContent"


def test_everything_that_the_sdk_can_say(sim: GeminiSimulator, client: genai.Client) -> None:
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"],
        image_config=types.ImageConfig(aspect_ratio="16:9", image_size="2K"),
        thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.HIGH),
        seed=3,
        temperature=0.5,
        top_p=0.9,
        system_instruction="Draw in ink.",
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT, threshold=types.HarmBlockThreshold.BLOCK_ONLY_HIGH
            )
        ],
        tools=[types.Tool(google_search=types.GoogleSearch())],
    )
    parts = [types.Part.from_bytes(data=pictures.png(), mime_type="image/png"), types.Part.from_text(text="bluer")]
    contents = types.Content(role="user", parts=parts)
    answer = client.models.generate_content(model=MODEL, contents=contents, config=config)
    assert shown(answer) == [("jpeg", (2752, 1536), "RGB")]
    assert answer.usage_metadata and answer.usage_metadata.prompt_tokens_details
    assert len(answer.usage_metadata.prompt_tokens_details) == 2


def test_a_stream_has_drafts_and_then_the_picture(sim: GeminiSimulator, client: genai.Client) -> None:
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    parts = [
        part
        for chunk in client.models.generate_content_stream(model=MODEL, contents="a cat", config=config)
        for part in chunk.parts or []
    ]
    drawn = [(part.thought, bool(part.inline_data)) for part in parts]
    assert drawn == [(True, False), (True, True), (True, True), (None, True), (None, False)]
    assert sim.requests[-1].query == {"alt": "sse"}


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession from ClientSession is discouraged")
async def test_the_async_client(sim: GeminiSimulator) -> None:
    async with connected(sim, async_client_args={"verify": False}).aio as sdk:
        assert shown(await sdk.models.generate_content(model="gemini-2.5-flash-image", contents="x"))[0].format == "png"
        stream = await sdk.models.generate_content_stream(model="gemini-2.5-flash-image", contents="x")
        chunks = [chunk async for chunk in stream]
        assert [len(shown(chunk)) for chunk in chunks] == [1, 0]


def test_the_newer_version(sim: GeminiSimulator) -> None:
    with connected(sim, api_version="v1") as sdk:
        assert shown(sdk.models.generate_content(model=MODEL, contents="x"))
    assert sim.requests[-1].path.startswith("/v1/")


@pytest.mark.parametrize(
    ("word", "code", "status"),
    [
        ("[rate_limit]", 429, "RESOURCE_EXHAUSTED"),
        ("[billing]", 403, "PERMISSION_DENIED"),
        ("[location]", 400, "FAILED_PRECONDITION"),
        ("[503]", 503, "UNAVAILABLE"),
    ],
)
def test_errors(client: genai.Client, word: str, code: int, status: str) -> None:
    with pytest.raises(errors.APIError) as caught:
        client.models.generate_content(model=MODEL, contents=f"a cat {word}")
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize(
    "config",
    [
        types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="7:5")),
        types.GenerateContentConfig(image_config=types.ImageConfig(image_size="512")),
        types.GenerateContentConfig(candidate_count=2),
        types.GenerateContentConfig(temperature=3),
        types.GenerateContentConfig(
            thinking_config=types.ThinkingConfig(thinking_budget=1), http_options={"extra_body": {"x": 1}}
        ),
    ],
)
def test_what_is_refused(client: genai.Client, config: types.GenerateContentConfig) -> None:
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents="a cat", config=config)
    assert caught.value.status == "INVALID_ARGUMENT"


def test_blocks_are_no_errors(client: genai.Client) -> None:
    prompt = client.models.generate_content(model=MODEL, contents="[prompt_block]")
    assert prompt.prompt_feedback and prompt.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT
    picture = client.models.generate_content(model=MODEL, contents="[image_safety]")
    assert picture.candidates and picture.candidates[0].finish_reason is types.FinishReason.IMAGE_SAFETY
    empty = client.models.generate_content(model=MODEL, contents="[empty_content]")
    assert empty.candidates and empty.candidates[0].content and empty.candidates[0].content.parts is None


def test_a_wrong_key_is_a_400(sim: GeminiSimulator, client: genai.Client) -> None:
    sim.key = "another"
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents="x")
    assert caught.value.code == 400 and "API_KEY_INVALID" in str(caught.value.details)


def test_models(client: genai.Client) -> None:
    assert {(model.name or "").removeprefix("models/") for model in client.models.list()} == set(MODELS)
    assert client.models.get(model=MODEL).supported_actions
    with pytest.raises(errors.ClientError):
        client.models.get(model="gemini-9-image")
