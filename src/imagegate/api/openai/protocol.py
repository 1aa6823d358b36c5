"""OpenAI's request fields as clients really send them, and what they mean in our words.

Source: openai-python 3.52 (types/image_generate_params.py, image_edit_params.py) and what captured clients send: numbers and
booleans as text, ``"null"`` for nothing, ``extra_body`` left in place, sizes as ``width`` and ``height``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from imagegate.api.openai.extent import check_count, check_extent
from imagegate.domain.images import ImageRequest, InputImage, Operation
from imagegate.errors import InvalidRequest

_NOTHING = frozenset({"", "null", "None", "undefined"})
_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})
_WHOLE_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,20})(?:\.0*)?\s*")
_NEVER_FORWARDED = frozenset(
    {
        "api_base",
        "base_url",
        "api_key",
        "api_version",
        "user_config",
        "extra_body",
        "extra_headers",
        "organization",
        "proxy",
        "custom_host",
    }
)
"""Names that other gateways and SDKs read as destination or credential; ``extra_body`` inside ``extra_body`` may hide more."""


def _integer(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "must be a whole number")
    if isinstance(value, str):
        found = _WHOLE_NUMBER.fullmatch(value)
        if found is None:
            raise PydanticCustomError("number", "must be a whole number")
        value = int(found[1])
    if isinstance(value, float):
        if not value.is_integer():
            raise PydanticCustomError("number", "must be a whole number")
        value = int(value)
    if isinstance(value, int) and abs(value) > 2**53:
        raise PydanticCustomError("number", "is out of range")
    return value


def _boolean(value: Any) -> Any:
    if isinstance(value, str):
        text = value.strip().lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
    return bool(value) if value in (0, 1) else value


def _mapping(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise PydanticCustomError("mapping", "must be an object") from None


Integer = Annotated[int, BeforeValidator(_integer)]
Boolean = Annotated[bool, BeforeValidator(_boolean)]
Object = Annotated[dict[str, Any], BeforeValidator(_mapping)]
ResponseFormat = Literal["url", "b64_json"]
Svg = Object


class ImageFields(BaseModel):
    """Fields of generations and edits. Unknown ones stay in ``model_extra``; per-model rules are the catalog's business."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    prompt: str | None = None
    model: str | None = None
    n: Integer | None = None
    size: str | None = None
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None
    output_compression: Integer | None = None
    moderation: str | None = None
    input_fidelity: str | None = None
    style: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    response_format: ResponseFormat | None = None
    stream: Boolean | None = None
    partial_images: Integer | None = None
    complexity: str | None = None
    frame_count: Integer | None = None
    frame_duration_ms: Integer | None = None
    svg: Object | None = None


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A body in our words. ``response_format``: as asked, None when not. ``dropped``: names that were left out on purpose."""

    fields: ImageFields
    extra: Mapping[str, Any]
    response_format: ResponseFormat | None
    dropped: tuple[str, ...]

    @property
    def stream(self) -> bool:
        """Whether the client asked for events."""
        return bool(self.fields.stream)

    def to_domain(
        self,
        operation: Operation,
        model: str,
        images: Sequence[InputImage] = (),
        mask: InputImage | None = None,
        markup: InputImage | None = None,
    ) -> ImageRequest:
        """The neutral request for a resolved model. Raises InvalidRequest when the prompt is missing."""
        known = self.fields
        if known.prompt is None or not known.prompt.strip():
            raise InvalidRequest("Say what to draw: `prompt` is missing.", param="prompt", code="missing_required_parameter")
        given = {name: getattr(known, name) for name in _PASSED_ON}
        return ImageRequest(
            operation=operation,
            model=model,
            prompt=known.prompt,
            n=1 if known.n is None else known.n,
            stream=self.stream,
            images=tuple(images),
            mask=mask,
            markup=markup,
            extra=self.extra,
            **given,
        )


_PASSED_ON = tuple(set(ImageFields.model_fields) - {"prompt", "model", "n", "stream", "response_format"})


def parse(body: Mapping[str, Any]) -> ParsedRequest:
    """Fields of a JSON body or a form. Raises InvalidRequest naming the first field that is wrong."""
    check_count(body)
    merged = _flatten_extra_body(body)
    present = {name: value for name, value in merged.items() if not _is_nothing(name, value)}
    kept_back = _NEVER_FORWARDED | _gateway_words(present)
    dropped = tuple(sorted(kept_back & present.keys()))
    cleaned = {name: value for name, value in present.items() if name not in kept_back}
    _size_from_edges(cleaned)
    try:
        fields = ImageFields.model_validate(cleaned)
    except ValidationError as error:
        raise _invalid(error) from None
    extra = fields.model_extra or {}
    check_extent([*extra.items(), ("svg", fields.svg)])
    return ParsedRequest(fields, extra, fields.response_format, dropped)


def _gateway_words(body: Mapping[str, Any]) -> set[str]:
    """``provider: {routing, fallback}`` is said to a gateway; with other keys it is OpenRouter's own field."""
    wishes = body.get("provider")
    return {"provider"} if isinstance(wishes, Mapping) and wishes.keys() & {"routing", "fallback"} else set()


def _flatten_extra_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """SDKs merge ``extra_body`` themselves; people who write JSON by hand leave it as an object."""
    inner = body.get("extra_body")
    if _is_nothing("extra_body", inner):
        return {name: value for name, value in body.items() if name != "extra_body"}
    if isinstance(inner, str):
        try:
            inner = orjson.loads(inner)
        except orjson.JSONDecodeError:
            inner = None
    if not isinstance(inner, Mapping):
        raise InvalidRequest("`extra_body` must be an object.", param="extra_body", code="invalid_type")
    check_count(inner)
    return {**inner, **{name: value for name, value in body.items() if name != "extra_body"}}


def _is_nothing(name: str, value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, str) and name != "prompt" and value.strip() in _NOTHING


def _size_from_edges(body: dict[str, Any]) -> None:
    """``width`` + ``height``, or an aspect ratio, say the size where ``size`` is missing."""
    if body.get("size", "auto") != "auto":
        return
    if "width" in body and "height" in body:
        body["size"] = f"{_edge(body, 'width')}x{_edge(body, 'height')}"
        return
    ratio = body.get("aspect_ratio", body.get("aspectRatio"))
    if isinstance(ratio, str):
        body["size"] = ratio
        body.pop("aspect_ratio", None)
        body.pop("aspectRatio", None)


def _edge(body: dict[str, Any], name: str) -> int:
    try:
        value = _integer(body.pop(name))
    except PydanticCustomError:
        value = None
    if not isinstance(value, int):
        raise InvalidRequest(f"`{name}` must be a whole number of pixels.", param=name, code="invalid_type")
    return value


def _invalid(error: ValidationError) -> InvalidRequest:
    first = error.errors(include_url=False, include_input=False)[0]
    param = str(first["loc"][0]) if first["loc"] else None
    if first["type"] in {"number", "mapping"}:
        reason = first["msg"]
    elif first["type"] == "literal_error" and param == "response_format":
        reason = "must be " + " or ".join(f"`{choice}`" for choice in get_args(ResponseFormat))
    else:
        reason = _REASONS.get(first["type"], "is not valid")
    code = "invalid_value" if first["type"] == "literal_error" else "invalid_type"
    return InvalidRequest(f"`{param}` {reason}.", param=param, code=code)


_REASONS = {
    "string_type": "must be text",
    "string_unicode": "must be valid Unicode text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be an object",
}
