"""How OpenAI reads the body of an image request: JSON or multipart, and the pictures in it."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tests.simulators.base import Recorded
from tests.simulators.openai_rules import INTEGERS, refused
from tests.support import pictures
from tests.support.multipart import Part

_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
_PICTURES = frozenset({"image", "images", "mask", "markup"})
MAX_IMAGES = 16


@dataclass(frozen=True, slots=True)
class Inputs:
    """A request as read: plain fields without nulls, and the pictures' bytes. None: given by http url, which is not fetched."""

    fields: dict[str, Any]
    images: tuple[bytes | None, ...] = ()
    mask: bytes | None = None
    markup: bytes | None = None


def read(request: Recorded, stored: Mapping[str, bytes]) -> Inputs:
    """Read a body of either kind. ``stored``: files by id. Raises Refused."""
    if request.is_form:
        return _read_form(request)
    try:
        document = request.json
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise refused("We could not parse the JSON body of your request.")
    fields = {name: value for name, value in document.items() if value is not None}
    references = fields.get("images", [])
    if not isinstance(references, list):
        raise refused("Invalid type for 'images': expected an array.", "images", "invalid_type")
    images = tuple(_referenced(each, f"images[{index}]", stored) for index, each in enumerate(references))
    single = {name: _referenced(fields[name], name, stored) for name in ("mask", "markup") if name in fields}
    return Inputs({name: value for name, value in fields.items() if name not in _PICTURES}, images, **single)


def read_loosely(request: Recorded) -> Inputs:
    """Only the plain fields, of any body that can be read at all; text stays text where it is no number."""
    if request.is_form:
        return Inputs({part.name: _scalar(part) for part in request.parts if part.filename is None})
    return Inputs({name: value for name, value in request.json.items() if value is not None})


def check_pictures(inputs: Inputs, *, markup_allowed: bool) -> None:
    """The rules for reference pictures, mask and markup. Raises Refused."""
    if not inputs.images:
        raise refused("Missing required parameter: 'image'.", "image", "missing_required_parameter")
    if len(inputs.images) > MAX_IMAGES:
        raise refused(f"At most {MAX_IMAGES} images, but got {len(inputs.images)}.", "image", "array_above_max_length")
    looks = [_look(data, f"image {number}") for number, data in enumerate(inputs.images, 1)]
    if inputs.markup is not None and (not markup_allowed or inputs.mask is not None):
        raise refused("This model takes no markup, or not together with a mask.", "markup", "invalid_value")
    for name, data in (("mask", inputs.mask), ("markup", inputs.markup)):
        look = _look(data, name)
        if look and (look.format != "png" or "A" not in look.mode):
            raise refused(f"Invalid {name}: it needs to be a PNG with an alpha channel.", name, "invalid_image_format")
        if look and looks[0] and look.size != looks[0].size:
            raise refused(f"Invalid {name}: it needs the size of the image.", name, "invalid_value")


def _read_form(request: Recorded) -> Inputs:
    try:
        parts = request.parts
    except ValueError as error:
        raise refused(f"We could not parse your multipart body: {error}.") from error
    counts = Counter(part.name for part in parts)
    for name in counts:
        if counts[name] > 1 and not name.endswith("[]"):
            raise refused(f"Duplicate parameter: '{name}'. Use '{name}[]' for a list.", name, "duplicate_parameter")
    fields = {part.name: _scalar(part) for part in parts if part.name.partition("[")[0] not in _PICTURES}
    images = tuple(_file(part) for part in parts if part.name.partition("[")[0] == "image")
    single = {part.name: _file(part) for part in parts if part.name in {"mask", "markup"}}
    return Inputs(fields, images, **single)


def _scalar(part: Part) -> Any:
    if part.filename is not None:
        raise refused(f"Invalid type for '{part.name}': expected text, got a file.", part.name, "invalid_type")
    if part.name == "stream" and part.text in {"true", "false"}:
        return part.text == "true"
    return int(part.text) if part.name in INTEGERS and part.text.lstrip("-").isdigit() else part.text


def _file(part: Part) -> bytes:
    name = part.name.partition("[")[0]
    if part.filename is None:
        raise refused(f"Invalid type for '{name}': expected a file.", name, "invalid_type")
    if part.content_type not in _TYPES:
        text = f"Invalid file '{name}': unsupported mimetype ('{part.content_type}')."
        raise refused(text, name, "unsupported_file_mimetype")
    return part.data


def _referenced(reference: Any, name: str, stored: Mapping[str, bytes]) -> bytes | None:
    if not isinstance(reference, dict) or len(reference) != 1 or not {"image_url", "file_id"} & set(reference):
        raise refused(f"'{name}' needs exactly one of image_url and file_id.", name, "invalid_value")
    if "file_id" in reference:
        if reference["file_id"] not in stored:
            raise refused("No such file.", name, "file_not_found", status=404)
        return stored[reference["file_id"]]
    url = str(reference["image_url"])
    if url.startswith(("https://", "http://")):
        return None
    head, comma, data = url.partition(";base64,")
    try:
        if not comma or not head.startswith("data:image/"):
            raise ValueError(head)
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise refused(f"'{name}' is neither a url nor a data url.", name, "invalid_value") from error


def _look(data: bytes | None, name: str) -> pictures.Look | None:
    if data is None:
        return None
    try:
        look = pictures.look(data)
    except OSError:  # Pillow's UnidentifiedImageError is one
        look = None
    if look is None or look.format not in {"png", "jpeg", "webp"}:
        text = f"Invalid image file or mode for {name}."
        raise refused(text, "image", "invalid_image_file", type_="image_generation_user_error")
    return look
