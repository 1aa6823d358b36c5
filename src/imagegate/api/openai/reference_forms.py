"""The forms in which a caller refers to a picture by text, as pure functions.

OpenAI's ``ImageRefParam`` is ``{"image_url": "…"}`` (at most 20,971,520 characters, a URL or a data URL) or
``{"file_id": "…"}``, never both. Clients also send a bare string, ``{"image_url": {"url": "…"}}``, ``{"url": "…"}``,
``{"b64_json": "…"}`` and base64 without the ``data:`` before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagegate.errors import InvalidRequest

MAX_IMAGE_URL = 20_971_520
"""Characters, by OpenAI's specification."""

MAX_WEB_URL = 8192
"""Characters of an http or https URL; longer ones no server takes."""

_FORMS = ("image_url", "file_id", "url", "b64_json")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31}):")
_MAX_DATA_HEADER = 1024


@dataclass(frozen=True, slots=True)
class Reference:
    """What the caller wrote in one place. ``param`` names the place for error messages: ``images[2]``, ``mask``."""

    value: Any
    param: str


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An http or https URL, not checked any further: that is the guarded fetcher's business."""

    url: str


@dataclass(frozen=True, slots=True)
class InlineBase64:
    """Base64 that starts at character ``start`` of a text of up to 20 MB; the text is never copied as a whole."""

    text: str
    start: int = 0


Source = WebUrl | InlineBase64


def parse_reference(reference: Reference) -> Source:
    """Where the picture is. Raises InvalidRequest; its code is one of ``invalid_image_reference``, ``unknown_parameter``,
    ``file_id_not_supported``, ``image_url_too_long``, ``invalid_image_url``, ``unsupported_image``, ``invalid_base64``.
    """
    value, param = reference.value, reference.param
    if isinstance(value, Mapping):
        form, value = _only_form(value, param)
        if form == "b64_json":
            return _parse_text(value, param, limit=None)
    return _parse_text(value, param, limit=MAX_IMAGE_URL)


def _only_form(value: Mapping[str, Any], param: str) -> tuple[str, Any]:
    """The one key that says where the picture is, and its value; null counts as left out."""
    _refuse_unknown(value, _FORMS, param)
    given = [form for form in _FORMS if value.get(form) is not None]
    if len(given) != 1:
        found = " and ".join(f"'{form}'" for form in given) or "neither"
        message = f"Give exactly one of 'image_url' or 'file_id' in '{param}'; found {found}."
        raise InvalidRequest(message, code="invalid_image_reference", param=param)
    form = given[0]
    if form == "file_id":
        message = "Stored files come later: send the picture as 'image_url' (a URL or data URL) or as a multipart upload."
        raise InvalidRequest(message, code="file_id_not_supported", param=param)
    inner = value[form]
    if form == "image_url" and isinstance(inner, Mapping):
        _refuse_unknown(inner, ("url",), f"{param}.image_url")
        inner = inner.get("url")
    return form, inner


def _refuse_unknown(value: Mapping[str, Any], known: tuple[str, ...], param: str) -> None:
    for key in value:
        if key not in known:
            place = f"{param}.{_short(key)}"
            message = f"Unknown field '{place}' in an image reference; known here: {', '.join(known)}."
            raise InvalidRequest(message, code="unknown_parameter", param=place)


def _parse_text(value: Any, param: str, *, limit: int | None) -> Source:
    if not isinstance(value, str):
        message = f"'{param}' must be a URL, a data URL, base64 text or an object with 'image_url'."
        raise InvalidRequest(message, code="invalid_image_reference", param=param)
    if limit is not None and len(value) > limit:
        message = f"The URL in '{param}' has {len(value):,} characters; the limit is {limit:,}: upload the file as multipart."
        raise InvalidRequest(message, code="image_url_too_long", param=param)
    text = value.strip()
    if not text:
        raise InvalidRequest(f"'{param}' is empty.", code="invalid_image_reference", param=param)
    scheme = _SCHEME.match(text)
    match scheme and scheme.group(1).lower():
        case None:
            return InlineBase64(text)
        case "data":
            return _parse_data_url(text, param)
        case "http" | "https":
            return _parse_web_url(text, param)
        case _:
            message = f"The URL in '{param}' must start with https://, http:// or data:."
            raise InvalidRequest(message, code="invalid_image_url", param=param)


def _parse_web_url(text: str, param: str) -> WebUrl:
    if len(text) > MAX_WEB_URL:
        message = f"The URL in '{param}' has {len(text):,} characters; an http URL may have {MAX_WEB_URL:,}."
        raise InvalidRequest(message, code="image_url_too_long", param=param)
    return WebUrl(text)


def _parse_data_url(text: str, param: str) -> InlineBase64:
    """RFC 2397, with ``;base64`` and a raster image type required. The type is only a claim; the bytes are sniffed later."""
    comma = text.find(",", 0, _MAX_DATA_HEADER)
    if comma < 0:
        message = f"The data URL in '{param}' has no comma; write data:image/png;base64,… ."
        raise InvalidRequest(message, code="invalid_image_url", param=param)
    media_type, *parameters = (part.strip().lower() for part in text[len("data:") : comma].split(";"))
    if not media_type.startswith("image/") or media_type.startswith("image/svg"):
        message = f"The data URL in '{param}' must hold a PNG, JPEG or WebP picture, for example data:image/png;base64,… ."
        raise InvalidRequest(message, code="unsupported_image", param=param)
    if "base64" not in parameters[-1:]:
        message = f"The data URL in '{param}' must be base64: data:{_short(media_type)};base64,… ."
        raise InvalidRequest(message, code="invalid_image_url", param=param)
    if comma + 1 == len(text):
        raise InvalidRequest(f"The data URL in '{param}' holds no data.", code="invalid_base64", param=param)
    return InlineBase64(text, comma + 1)


def _short(text: object) -> str:
    """The caller's own words, safe and short enough for a message."""
    return re.sub(r"[^\w./+-]", "?", str(text)[:40], flags=re.ASCII)
