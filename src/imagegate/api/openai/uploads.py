"""Everything that comes with an edit, as fields and pictures, whichever way it was sent: multipart or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from imagegate.api.body import chunks, content_length, read_json_object
from imagegate.api.openai.multipart import FilePart, Form, FormLimits, TextReference, read_form
from imagegate.api.openai.reference_forms import Reference
from imagegate.api.openai.references import Fetcher, ReferenceReader
from imagegate.domain.images import InputImage
from imagegate.errors import InvalidRequest, UnsupportedMedia
from imagegate.media.inputs import ImageInspector, check_mask
from imagegate.media.spool import Spool, Spools

_IMAGE_FIELDS = ("images", "image")
_MASK, _MARKUP = "mask", "markup"


@dataclass(frozen=True, slots=True)
class Uploads:
    """An edit as it arrived: text fields, and the pictures in the caller's order."""

    fields: Mapping[str, Any]
    images: Sequence[InputImage]
    mask: InputImage | None
    markup: InputImage | None


def carries_pictures(body: Mapping[str, Any]) -> bool:
    """Whether a JSON body names reference pictures or a mask."""
    return any(body.get(name) for name in (*_IMAGE_FIELDS, _MASK))


class UploadReader:
    """Reads edits. ``json_bytes``: the largest JSON body."""

    def __init__(self, inspector: ImageInspector, fetcher: Fetcher, limits: FormLimits, json_bytes: int) -> None:
        self._inspector = inspector
        self._fetcher = fetcher
        self._limits = limits
        self._json_bytes = json_bytes

    async def read(self, request: Request, spools: Spools) -> Uploads:
        """The whole body; its files live as long as ``spools``. Raises RequestError."""
        content_type = request.headers.get("content-type", "")
        kind = content_type.partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            form = await read_form(chunks(request), content_type, self._limits, spools, content_length=content_length(request))
            return await self._from_form(form, spools)
        if kind in {"application/json", ""}:
            return await self.from_json(await read_json_object(request, self._json_bytes), spools)
        raise UnsupportedMedia("Send an edit as multipart/form-data or application/json.")

    async def _from_form(self, form: Form, spools: Spools) -> Uploads:
        pictures = [part for part in form.parts if part.field not in (_MASK, _MARKUP)]
        reader = self._reader(spools)
        images = [await self._part(part, reader, f"image[{index}]", index) for index, part in enumerate(pictures)]
        mask = await self._single(form, _MASK, reader)
        markup = await self._single(form, _MARKUP, reader)
        return self._checked(Uploads(form.fields, images, mask, markup))

    async def _single(self, form: Form, field: str, reader: ReferenceReader[Spool]) -> InputImage | None:
        part = next((part for part in form.parts if part.field == field), None)
        return None if part is None else await self._part(part, reader, field, 0)

    async def _part(self, part: FilePart | TextReference, reader: ReferenceReader[Spool], param: str, index: int) -> InputImage:
        if isinstance(part, TextReference):
            return await reader.read_one(Reference(part.text, param), index)
        return await self._inspector.inspect(part.spool, param=param, index=index)

    async def from_json(self, body: Mapping[str, Any], spools: Spools) -> Uploads:
        """The same from a JSON body that has been read. Raises RequestError."""
        fields = dict(body)
        references = _references(fields, self._limits.max_images)
        single = [name for name in (_MASK, _MARKUP) if fields.get(name) is not None]
        wanted = [*references, *(Reference(fields[name], name) for name in single)]
        read = await self._reader(spools).read_all(wanted)
        extra = dict(zip(single, read[len(references) :], strict=True))
        left = {name: value for name, value in fields.items() if name not in (_MASK, _MARKUP)}
        return self._checked(Uploads(left, read[: len(references)], extra.get(_MASK), extra.get(_MARKUP)))

    def _reader(self, spools: Spools) -> ReferenceReader[Spool]:
        return ReferenceReader(self._fetcher, spools, self._inspector, max_image=self._limits.max_image_bytes)

    def _checked(self, uploads: Uploads) -> Uploads:
        if uploads.mask is not None and uploads.images:
            check_mask(uploads.mask, uploads.images[0])
        return uploads


def _references(fields: dict[str, Any], most: int) -> list[Reference]:
    """``images`` (OpenAI) and its alias ``image``: a string, an object, or a list of either; counted before it is read."""
    given = {name: fields.pop(name, None) for name in _IMAGE_FIELDS}
    lists = {name: value if isinstance(value, list) else [value] for name, value in given.items() if value is not None}
    if sum(map(len, lists.values())) > most:
        raise InvalidRequest(f"Send at most {most} pictures.", param="images", code="too_many_images")
    return [Reference(item, f"{name}[{index}]") for name, items in lists.items() for index, item in enumerate(items)]
