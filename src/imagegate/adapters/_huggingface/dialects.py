"""How each provider behind Hugging Face's router is called: path, body, and what its answer is. Pure but for reading.

Source: huggingface_hub 2.4 (inference/_providers/*), which sends the same bodies.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal

from imagegate.adapters.hosted_shape import media, predictions
from imagegate.adapters.shape import answers, failures
from imagegate.adapters.shape.documents import large_json
from imagegate.domain.events import CompletedImage, ImageBytes, ImageDetails, ImageEvent
from imagegate.domain.images import ImageRequest
from imagegate.domain.sizes import PixelSize, parse_size
from imagegate.errors import Ambiguous, BadResponse, InvalidRequest, ModelMissing
from imagegate.upstream.client import Answer
from imagegate.upstream.inline import InlineImage

ProviderName = Literal["hf-inference", "endpoint", "together", "nscale", "fal-ai", "replicate"]

_MODEL = re.compile(r"[\w.-]+(/[\w.-]+){0,6}")
_VERSION = re.compile(r"([\w.-]+/[\w.-]+):([0-9a-f]{64})")


def _as_it_is(request: ImageRequest, fields: dict[str, Any]) -> dict[str, Any]:
    return fields


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider. ``fields``: the request in its words; ``body``: what is made of them and of everything merged into them.

    ``edits``: it takes reference pictures.
    """

    path: Callable[[str], str]
    fields: Callable[[ImageRequest], dict[str, Any]]
    read: Callable[[Answer, Executor], AsyncGenerator[ImageEvent]]
    body: Callable[[ImageRequest, dict[str, Any]], dict[str, Any]] = _as_it_is
    edits: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


def inference_fields(request: ImageRequest) -> dict[str, Any]:
    """hf-inference's parameters; the prompt is one of them only beside a picture."""
    edges = _edges(request.size)
    if not request.images:
        return edges
    return {"prompt": request.prompt, **({"target_size": edges} if edges else {})}


def inference_body(request: ImageRequest, fields: dict[str, Any]) -> dict[str, Any]:
    """The prompt, or the picture, is the input. Raises InvalidRequest for several pictures."""
    if len(request.images) > 1:
        raise InvalidRequest("This provider takes one reference picture.", param="image", code="too_many_images")
    inputs = InlineImage(request.images[0]) if request.images else request.prompt
    return {"inputs": inputs, **({"parameters": fields} if fields else {})}


def together_fields(request: ImageRequest) -> dict[str, Any]:
    """Together: OpenAI's path, other fields. FLUX.1 Kontext takes one picture, all others a list."""
    urls = _urls(request)
    name = request.model.lower()
    pictures: dict[str, Any] = {}
    if urls:
        pictures = {"image_url": urls[0]} if "kontext" in name and "flux.1" in name else {"reference_images": urls}
    mapped = {"model": request.model, "prompt": request.prompt, "response_format": "base64"}
    return {**mapped, **_edges(request.size), **pictures}


def together_body(request: ImageRequest, fields: dict[str, Any]) -> dict[str, Any]:
    """``num_inference_steps``, as the others call it, is ``steps`` here."""
    return {("steps" if name == "num_inference_steps" else name): value for name, value in fields.items()}


def nscale_fields(request: ImageRequest) -> dict[str, Any]:
    """nscale: OpenAI's own shape."""
    edges = _edges(request.size)
    size = {"size": f"{edges['width']}x{edges['height']}"} if edges else {}
    return {"model": request.model, "prompt": request.prompt, "response_format": "b64_json", **size}


def fal_fields(request: ImageRequest) -> dict[str, Any]:
    """fal, called without its queue. Models read the name of reference pictures that they know."""
    edges, urls = _edges(request.size), _urls(request)
    pictures = {"image_url": urls[0], "image_urls": urls} if urls else {}
    return {"prompt": request.prompt, **({"image_size": edges} if edges else {}), **pictures}


def replicate_fields(request: ImageRequest) -> dict[str, Any]:
    """Replicate's input. Models read the name of reference pictures that they know."""
    urls = _urls(request)
    pictures = {"image": urls[0], "images": urls, "input_image": urls[0], "input_images": urls} if urls else {}
    return {"prompt": request.prompt, **_edges(request.size), **pictures}


def replicate_body(request: ImageRequest, fields: dict[str, Any]) -> dict[str, Any]:
    """The input, and the version that the model's name may hold."""
    version = _VERSION.fullmatch(request.model)
    return {"input": fields, **({"version": version[2]} if version else {})}


async def read_bytes(answer: Answer, executor: Executor) -> AsyncGenerator[ImageEvent]:
    """The picture as it comes. Raises BadResponse for anything else."""
    kind, _, form = answer.content_type.partition("/")
    if kind != "image":
        raise BadResponse("The provider answered without a picture.")
    async with aclosing(answer.chunks()) as chunks:
        yield CompletedImage(ImageBytes(chunks, "raw"), ImageDetails(output_format=form))


async def read_openai(answer: Answer, executor: Executor) -> AsyncGenerator[ImageEvent]:
    """OpenAI's shape, cut through."""
    async with aclosing(answers.events(answer, failures.openai_error_inside)) as events:
        async for event in events:
            yield event


async def read_fal(answer: Answer, executor: Executor) -> AsyncGenerator[ImageEvent]:
    """fal's result."""
    for event in media.pictures(await large_json(answer, executor)):
        yield event


async def read_prediction(answer: Answer, executor: Executor) -> AsyncGenerator[ImageEvent]:
    """A prediction that was waited for; the router leads to no address where it could be looked at again."""
    document = await large_json(answer, executor)
    if not isinstance(document, Mapping) or "status" not in document:
        raise BadResponse("The provider answered without a prediction.")
    if not predictions.ended(document):
        raise Ambiguous("The picture was not ready within the minute that the provider waits.", timed_out=True)
    for event in predictions.pictures(document):
        yield event


def _path(template: str) -> Callable[[str], str]:
    def path(model: str) -> str:
        if not _MODEL.fullmatch(model) or ".." in model:
            raise ModelMissing("Models are called 'owner/name' here; the operator has to look at the channel.")
        return template.format(model=model)

    return path


def _replicate_path(model: str) -> str:
    return "/replicate/v1/predictions" if _VERSION.fullmatch(model) else _path("/replicate/v1/models/{model}/predictions")(model)


def _edges(size: str | None) -> dict[str, Any]:
    wanted = parse_size(size) if size else None
    return {"width": wanted.width, "height": wanted.height} if isinstance(wanted, PixelSize) else {}


def _urls(request: ImageRequest) -> list[InlineImage]:
    return [InlineImage(image, as_url=True) for image in request.images]


_PICTURE = {"accept": "image/png"}
DIALECTS: Mapping[ProviderName, Dialect] = {
    "hf-inference": Dialect(
        _path("/hf-inference/models/{model}"), inference_fields, read_bytes, inference_body, headers=_PICTURE
    ),
    "endpoint": Dialect(lambda _: "", inference_fields, read_bytes, inference_body, headers=_PICTURE),
    "together": Dialect(_path("/together/v1/images/generations"), together_fields, read_openai, together_body),
    "nscale": Dialect(_path("/nscale/v1/images/generations"), nscale_fields, read_openai, edits=False),
    "fal-ai": Dialect(_path("/fal-ai/{model}"), fal_fields, read_fal),
    "replicate": Dialect(_replicate_path, replicate_fields, read_prediction, replicate_body, headers={"prefer": "wait"}),
}
