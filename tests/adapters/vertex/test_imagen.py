"""Imagen's ``:predict``: bodies, and answers that are cut through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from imagegate.adapters._vertex.imagen import body, events
from imagegate.domain.events import CompletedImage, ImageBytes
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.rules import adjust
from imagegate.errors import BadResponse, ContentRefused
from tests.adapters.shape.reading import answer
from tests.adapters.simulated import catalog
from tests.support.held import held_image

CATALOG = catalog()
GENERATE, FAST, EDITOR = "imagen-4.0-generate-001", "imagen-4.0-fast-generate-001", "imagen-3.0-capability-001"


def parameters(model: str, overrides: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    """What is asked for beside what is always asked for."""
    capabilities = CATALOG.capabilities("vertex", model)
    asked = ImageRequest(**{"operation": Operation.GENERATE, "model": model, "prompt": "x", **given})
    made: dict[str, Any] = body(adjust(asked, capabilities).request, capabilities, None, overrides or {})["parameters"]
    assert made.pop("includeRaiReason") is True
    return made


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        (GENERATE, {}, {}),
        (GENERATE, {"n": 4}, {"sampleCount": 4}),
        (GENERATE, {"size": "1024x1024"}, {"aspectRatio": "1:1", "sampleImageSize": "1K"}),
        (GENERATE, {"size": "2816x1536"}, {"aspectRatio": "16:9", "sampleImageSize": "2K"}),
        (GENERATE, {"size": "1024x1536"}, {"aspectRatio": "3:4", "sampleImageSize": "1K"}),
        (GENERATE, {"quality": "low"}, {"sampleImageSize": "1K"}),
        (GENERATE, {"quality": "high"}, {"sampleImageSize": "2K"}),
        (GENERATE, {"quality": "high", "extra": {"image_size": "1K"}}, {"sampleImageSize": "1K"}),
        (FAST, {"size": "1408x768", "quality": "high"}, {"aspectRatio": "16:9"}),
        ("imagen-9", {"size": "1536x1024"}, {"aspectRatio": "4:3"}),
        (GENERATE, {"output_format": "png"}, {"outputOptions": {"mimeType": "image/png"}}),
        (GENERATE, {"extra": {"seed": "7"}}, {"seed": 7, "addWatermark": False}),
        (GENERATE, {"extra": {"seed": 7, "add_watermark": "true"}}, {"seed": 7, "addWatermark": True}),
        (GENERATE, {"extra": {"negativePrompt": "dogs", "language": "zh"}}, {"negativePrompt": "dogs", "language": "zh"}),
        (GENERATE, {"extra": {"safety_setting": "block_none"}}, {"safetySetting": "block_none"}),
        (GENERATE, {"extra": {"base_steps": "30"}}, {"editConfig": {"baseSteps": 30}}),
        (GENERATE, {"extra": {"aspect_ratio": "9:16"}}, {"aspectRatio": "9:16"}),
        (GENERATE, {"extra": {"storageUri": "gs://x", "sampleCount": 9, "prompt": "y", "unknown": 1}}, {}),
        (GENERATE, {"overrides": {"parameters": {"sampleCount": 2}}}, {"sampleCount": 2}),
    ],
)
def test_what_is_asked_for(model: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert parameters(model, **given) == {"sampleCount": 1, **expected}


def test_references_and_their_mask() -> None:
    raw, area = held_image(b"raw"), held_image(b"mask")
    request = ImageRequest(Operation.EDIT, EDITOR, "a hat", images=(raw,))
    capabilities = CATALOG.capabilities("vertex", EDITOR)
    plain = body(request, capabilities, None, {})
    assert [item["referenceType"] for item in plain["instances"][0]["referenceImages"]] == ["REFERENCE_TYPE_RAW"]
    assert plain["parameters"]["editMode"] == "EDIT_MODE_DEFAULT"
    masked = body(request, capabilities, area, {})
    first, second = masked["instances"][0]["referenceImages"]
    assert first["referenceImage"]["bytesBase64Encoded"].image is raw
    assert second["referenceImage"]["bytesBase64Encoded"].image is area
    assert (first["referenceId"], second["referenceId"]) == (1, 2)
    assert masked["parameters"]["editMode"] == "EDIT_MODE_INPAINT_INSERTION"


async def read(*pieces: bytes) -> list[tuple[str, str | None, str | None]]:
    """Pictures, their formats and prompts."""
    seen = []
    async for event in events(answer(pieces)):
        assert isinstance(event, CompletedImage) and isinstance(event.source, ImageBytes)
        text = await _drained(event.source.chunks)
        seen.append((text, event.details.output_format, event.details.revised_prompt))
    return seen


async def _drained(chunks: AsyncIterator[bytes]) -> str:
    return b"".join([chunk async for chunk in chunks]).decode()


async def test_pictures_in_small_pieces() -> None:
    text = (
        b'{"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": "aaaa"}, {"raiFilteredReason": "no"},'
        b' {"bytesBase64Encoded": "bbbb", "prompt": "better", "mimeType": "image/jpeg"}], "modelDisplayName": "x"}'
    )
    for size in (1, 7, len(text)):
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        assert await read(*pieces) == [("aaaa", "png", None), ("bbbb", "jpeg", "better")]


async def test_a_picture_is_there_before_the_answer_ends() -> None:
    source = events(answer([b'{"predictions":[{"bytesBase64Encoded":"aaaa"', b"never JSON"]))
    event = await anext(source)
    assert isinstance(event, CompletedImage) and isinstance(event.source, ImageBytes)
    assert await anext(event.source.chunks) == b"aaaa"
    with pytest.raises(BadResponse):
        await anext(event.source.chunks)
    await source.aclose()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"{}", ContentRefused),
        (b'{"predictions": []}', ContentRefused),
        (b'{"predictions": [{"raiFilteredReason": "Filtered out. Support codes: 1"}]}', ContentRefused),
        (b'{"predictions": [{"mimeType": "image/png"}]}', BadResponse),
        (b'{"predictions": [{"bytesBase64Encoded": ""}]}', BadResponse),
        (b"[]", BadResponse),
        (b"", BadResponse),
    ],
)
async def test_answers_without_a_picture(text: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await read(text)
