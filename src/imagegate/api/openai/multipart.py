"""An edit's multipart/form-data body, read while it arrives: text into fields, pictures into spools."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from imagegate.api.openai.form_fields import FormFields, printable
from imagegate.api.openai.form_limits import FormLimits
from imagegate.api.openai.form_parts import MAX_FEED, PartData, PartEvent, PartParser, PartStart, boundary_of
from imagegate.api.openai.form_pictures import FilePart, Picture, Pictures, PictureSink, TextReference, picture_field
from imagegate.errors import InvalidRequest, TooLarge
from imagegate.media.spool import Spools


@dataclass(frozen=True, slots=True)
class Form:
    """What a form held. ``fields``: text, nested by bracketed names. ``parts``: pictures in wire order."""

    fields: dict[str, Any]
    parts: list[Picture]


async def read_form(
    receive_chunks: AsyncGenerator[bytes],
    content_type: str,
    limits: FormLimits,
    spools: Spools,
    *,
    content_length: int | None = None,
) -> Form:
    """The whole form; ``receive_chunks`` is closed at the end, ``spools`` stay open for whoever made them.

    ``content_length``: the announced length in bytes, for which room is held before anything is read; None: the longest form
    that the limits allow. Raises InvalidRequest, TooLarge, LimitExceeded (``upload_capacity``) or UnsupportedMedia as soon as it
    is known, and whatever ``receive_chunks`` raises.
    """
    async with aclosing(receive_chunks):
        parser = PartParser(boundary_of(content_type, limits), limits)
        _reserve(content_length, limits, spools)
        reader = _FormReader(limits, spools)
        received = 0
        async for chunk in receive_chunks:
            received += len(chunk)
            if received > limits.max_body_bytes:
                raise _body_too_large(limits)
            for piece in _pieces(chunk):
                for event in parser.feed(piece):
                    await reader.take(event)
        parser.finish()
    spools.trim()
    return reader.form()


class _Sink(Protocol):
    """Where a part's bytes go."""

    async def write(self, data: bytes) -> None: ...

    async def end(self) -> None: ...


class _FormReader:
    """Sends each part where it belongs, one after the other: a slow disk slows down the client, nothing piles up."""

    def __init__(self, limits: FormLimits, spools: Spools) -> None:
        self._limits = limits
        self._pictures = Pictures(limits, spools)
        self._fields = FormFields()
        self._files = self._texts = 0
        self._text_bytes = 0
        self._sink: _Sink | None = None

    async def take(self, event: PartEvent) -> None:
        if isinstance(event, PartStart):
            self._sink = self._open(event)
            return
        assert self._sink is not None  # the parser begins a part before it fills or ends it
        if isinstance(event, PartData):
            await self._sink.write(event.data)
        else:
            await self._sink.end()

    def form(self) -> Form:
        return Form(self._fields.as_object(), self._pictures.parts)

    def count_text(self, size: int) -> None:
        self._text_bytes += size
        if self._text_bytes > self._limits.max_fields_bytes:
            raise TooLarge(f"The text fields have more than {self._limits.max_fields_bytes} bytes together.")

    def _open(self, start: PartStart) -> _Sink:
        field = picture_field(start.name)
        if field is None and start.filename is None:
            self._texts += 1
            if self._texts > self._limits.max_fields:
                raise InvalidRequest(f"The form has more than {self._limits.max_fields} text fields.", code="too_many_fields")
            return _TextSink(self, self._fields, start.name, self._limits.max_field_bytes)
        self._files += 1
        if self._files > self._limits.max_files:
            raise InvalidRequest(f"The form has more than {self._limits.max_files} files.", code="too_many_files")
        return _UnknownFileSink(start.name) if field is None else PictureSink(self._pictures, field, start)


class _TextSink:
    def __init__(self, reader: _FormReader, fields: FormFields, name: str, limit: int) -> None:
        self._reader = reader
        self._fields = fields
        self._name = name
        self._limit = limit
        self._value = bytearray()

    async def write(self, data: bytes) -> None:
        self._reader.count_text(len(data))
        self._value += data
        if len(self._value) > self._limit:
            param = printable(self._name)
            raise TooLarge(f"The field '{param}' has more than {self._limit} bytes.", param=param, code="field_too_large")

    async def end(self) -> None:
        try:
            value = self._value.decode()
        except UnicodeDecodeError as error:
            param = printable(self._name)
            raise InvalidRequest(f"The field '{param}' is not UTF-8 text.", param=param, code="invalid_encoding") from error
        self._fields.add(self._name, value)


class _UnknownFileSink:
    """An empty one is an unused file input of a browser form."""

    def __init__(self, name: str) -> None:
        self._name = printable(name)

    async def write(self, data: bytes) -> None:
        message = f"'{self._name}' is no field for a file; pictures go to image, image[], mask or markup."
        raise InvalidRequest(message, param=self._name, code="unknown_file_field")

    async def end(self) -> None:
        return


def _reserve(content_length: int | None, limits: FormLimits, spools: Spools) -> None:
    if content_length is None:
        spools.reserve(min(limits.max_body_bytes, spools.capacity))
    elif content_length < 0:
        raise InvalidRequest("Content-Length must be a whole number of bytes.", code="invalid_content_length")
    elif content_length > limits.max_body_bytes:
        raise _body_too_large(limits)
    else:
        spools.reserve(content_length)


def _body_too_large(limits: FormLimits) -> TooLarge:
    return TooLarge(f"The form is larger than {limits.max_body_bytes} bytes, more than the pictures it may hold.")


def _pieces(chunk: bytes) -> Iterator[bytes]:
    if len(chunk) <= MAX_FEED:
        yield chunk
        return
    for start in range(0, len(chunk), MAX_FEED):
        yield chunk[start : start + MAX_FEED]


__all__ = ["FilePart", "Form", "FormLimits", "TextReference", "read_form"]
