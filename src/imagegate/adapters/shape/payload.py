"""From a neutral request to OpenAI's fields (openai-openapi: CreateImageRequest, CreateImageEditRequest)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from imagegate.domain.capabilities import Capabilities
from imagegate.domain.images import ImageRequest
from imagegate.domain.vendor import RESERVED
from imagegate.errors import InvalidRequest
from imagegate.upstream.form import FormFile, MultipartForm

_OPTIONAL = (
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
    "moderation",
    "input_fidelity",
    "style",
    "user",
    "safety_identifier",
    "partial_images",
    "complexity",
    "frame_count",
    "frame_duration_ms",
    "svg",
)


def merge(mapped: Mapping[str, Any], extra: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """``extra < mapped < overrides``: a caller reaches a provider's new option at once, but never replaces what we decide."""
    unknown = {name: value for name, value in extra.items() if name.partition("[")[0] not in RESERVED}
    return {**unknown, **mapped, **overrides}


def fields(request: ImageRequest, *, stream: bool, formats: Sequence[str] = ()) -> dict[str, Any]:
    """The request in OpenAI's names; what the caller left out stays out. ``n`` is sent only when it is not 1.

    ``formats``: those of the model; one that makes a single format does not know ``output_format``.
    """
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt}
    if request.n != 1:
        body["n"] = request.n
    body.update((name, value) for name in _OPTIONAL if (value := getattr(request, name)) is not None)
    if len(formats) == 1:
        body.pop("output_format", None)
    if stream:
        body["stream"] = True
    else:
        body.pop("partial_images", None)
    return body


def check_combination(request: ImageRequest, row: Capabilities) -> None:
    """What OpenAI's edits take only one of, said before anything is sent. Raises InvalidRequest.

    Models of other servers, and those of which only the name is known, decide themselves.
    """
    if request.mask is None or row.parameters is None:
        return
    if request.markup is not None:
        raise InvalidRequest("A mask and a markup cannot be combined; send one of them.", param="markup")
    if request.output_format == "gif":
        raise InvalidRequest("An animation takes no mask; leave it out or choose another output_format.", param="mask")


def form(body: Mapping[str, Any], request: ImageRequest, image_field: str) -> MultipartForm:
    """An edit as multipart: text fields first, then ``image`` (or ``image[]`` for several), ``mask``, ``markup``."""
    several = image_field if image_field.endswith("[]") or len(request.images) == 1 else f"{image_field}[]"
    files = [FormFile(several, image) for image in request.images]
    if request.mask is not None:
        files.append(FormFile("mask", request.mask))
    if request.markup is not None:
        files.append(FormFile("markup", request.markup))
    return MultipartForm(list(flatten(body)), files)


def flatten(body: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as ``svg[model]``, lists as repeated ``name[]``, scalars as JSON spells them."""
    for key, value in body.items():
        name = f"{prefix}[{key}]" if prefix else key
        if value is None:
            continue
        if isinstance(value, Mapping):
            yield from flatten(value, name)
        elif isinstance(value, (list, tuple)):
            for item in value:
                yield f"{name}[]", _text(item)
        else:
            yield name, _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
