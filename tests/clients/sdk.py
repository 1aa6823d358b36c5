"""openai-python pointed at a gateway, and a strict look at what it returns."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import pydantic
from openai import AsyncOpenAI, OpenAI
from openai.types import (
    ImageEditCompletedEvent,
    ImageEditPartialImageEvent,
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
    ImagesResponse,
)

from tests.support.gateway import KEY, Gateway
from tests.support.pictures import Look, look

Event = ImageGenPartialImageEvent | ImageGenCompletedEvent | ImageEditPartialImageEvent | ImageEditCompletedEvent
Kind = Literal["image_generation", "image_edit"]

_EVENTS: dict[Kind, tuple[type[pydantic.BaseModel], type[pydantic.BaseModel]]] = {
    "image_generation": (ImageGenPartialImageEvent, ImageGenCompletedEvent),
    "image_edit": (ImageEditPartialImageEvent, ImageEditCompletedEvent),
}


def connect(gateway: Gateway, key: str = KEY, **options: Any) -> OpenAI:
    """A client to close, as an application makes it."""
    return OpenAI(base_url=gateway.base_url, api_key=key, **options)


def connect_async(gateway: Gateway, **options: Any) -> AsyncOpenAI:
    """The async client, to close."""
    return AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, **options)


def strictly(answer: pydantic.BaseModel) -> None:
    """The SDK takes any answer; its types, told to, do not."""
    type(answer).model_validate(answer.model_dump(exclude_unset=True), strict=True)


def bytes_of(answer: ImagesResponse) -> list[bytes]:
    """The pictures of an answer that came as base64."""
    return [_decoded(image.b64_json) for image in answer.data or []]


def looks(answer: ImagesResponse) -> list[Look]:
    """What the pictures of a well-formed base64 answer are; each was decoded completely."""
    strictly(answer)
    return [look(data) for data in bytes_of(answer)]


def check_stream(events: Iterable[Event], kind: Kind, partials: int, n: int = 1) -> Sequence[Event]:
    """Everything that must hold of a stream: types, order, indices, required fields, and that each picture is one."""
    seen = list(events)
    partial, completed = _EVENTS[kind]
    assert [type(event) for event in seen] == ([partial] * partials + [completed]) * n
    assert [event.type for event in seen] == ([f"{kind}.partial_image"] * partials + [f"{kind}.completed"]) * n
    previews = (ImageGenPartialImageEvent, ImageEditPartialImageEvent)
    assert [event.partial_image_index for event in seen if isinstance(event, previews)] == list(range(partials)) * n
    for event in seen:
        strictly(event)
        assert look(_decoded(event.b64_json)).format == event.output_format
    return seen


def typed_events(documents: Iterable[dict[str, Any]]) -> list[Event]:
    """Events that another client read, as this client's types, so that one check serves both."""
    reader: pydantic.TypeAdapter[Event] = pydantic.TypeAdapter(Annotated[Event, pydantic.Discriminator("type")])
    return [reader.validate_python(document) for document in documents]


def _decoded(text: str | None) -> bytes:
    assert text is not None, "no base64 in the answer"
    return base64.b64decode(text, validate=True)
