"""Multipart bodies for providers, streamed from the spool with a known length (RFC 7578)."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from imagegate.domain.images import InputImage


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file part: the provider's field name and the picture."""

    field: str
    image: InputImage


@dataclass(frozen=True, slots=True)
class MultipartForm:
    """Text fields, then file parts, in order. Unknown fields keep the caller's names, so names are escaped."""

    fields: Sequence[tuple[str, str]]
    files: Sequence[FormFile]


class EncodedForm:
    """A form ready for the wire: ``content_type``, ``length`` in bytes, ``chunks()``."""

    def __init__(self, form: MultipartForm, boundary: str | None = None) -> None:
        self._boundary = boundary or f"imagegate-{secrets.token_hex(12)}"
        self._text = "".join(self._text_part(name, value) for name, value in form.fields).encode()
        self._files = [(self._file_head(file).encode(), file.image.content) for file in form.files]
        self._tail = f"--{self._boundary}--\r\n".encode()
        self.content_type = f"multipart/form-data; boundary={self._boundary}"
        parts = sum(len(head) + content.size + 2 for head, content in self._files)
        self.length = len(self._text) + parts + len(self._tail)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body; small pieces are joined, picture bytes are handed on as they are read."""
        pending = self._text
        for head, content in self._files:
            yield pending + head
            async for piece in content.chunks():
                yield piece
            pending = b"\r\n"
        yield pending + self._tail

    def _text_part(self, name: str, value: str) -> str:
        return f'--{self._boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'

    def _file_head(self, file: FormFile) -> str:
        return (
            f'--{self._boundary}\r\nContent-Disposition: form-data; name="{_quoted(file.field)}"; '
            f'filename="{_quoted(file.image.filename)}"\r\nContent-Type: {file.image.media_type}\r\n\r\n'
        )


def _quoted(text: str) -> str:
    """As browsers do it: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
