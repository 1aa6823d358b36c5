"""multipart/form-data as a sequence of part events (RFC 7578), bounded in everything that is not a part's data.

python-multipart finds the boundaries; the bounds are here, because its parser has none for padding and epilogue.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from imagegate.api.openai.form_limits import FormLimits
from imagegate.errors import InvalidRequest, UnsupportedMedia

MAX_FEED = 256 * 1024
"""Bytes to feed at most at a time: what the parser can read without holding up other requests."""

_MAX_LOOKALIKES = 1024
"""Times that the delimiter may occur. Real ones are fewer; each false one costs the parser a slow path."""

_MAX_SEMICOLONS = 64


@dataclass(frozen=True, slots=True)
class PartStart:
    """A part begins. ``filename`` None: it has none; it is the caller's own text, not to be used for a path."""

    name: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class PartData:
    """Some of its bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnd:
    """It is complete."""


PartEvent = PartStart | PartData | PartEnd
Options = tuple[bytes, dict[bytes, bytes]]


def boundary_of(content_type: str, limits: FormLimits) -> bytes:
    """The boundary in a Content-Type. Raises UnsupportedMedia, or InvalidRequest when there is none that we take."""
    kind, options = _options(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedMedia("Send a form as multipart/form-data.")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= limits.max_boundary_bytes:
        message = (
            f"The Content-Type needs a boundary of 1 to {limits.max_boundary_bytes} bytes: let your HTTP library set this header."
        )
        raise InvalidRequest(message, code="invalid_multipart")
    return boundary


class PartParser:
    """A push parser: bytes in, events out. Every error is InvalidRequest with code ``invalid_multipart``."""

    def __init__(self, boundary: bytes, limits: FormLimits) -> None:
        self._limits = limits
        self._delimiter = b"\r\n--" + boundary
        self._events: list[PartEvent] = []
        self._headers: list[tuple[bytes, bytes]] = []
        self._field = self._value = b""
        self._header_bytes = 0
        self._fed = self._explained = self._lookalikes = 0
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
            max_header_count=limits.max_part_headers,
            max_header_size=limits.max_part_header_bytes,
        )
        # Its warnings only repeat what the answer says, and a client could fill the log with them.
        self._parser.logger = logging.Logger(__name__, logging.CRITICAL)

    def feed(self, data: bytes) -> list[PartEvent]:
        """What ``data`` (at most ``MAX_FEED`` bytes) brings."""
        self._lookalikes += data.count(self._delimiter)
        if self._lookalikes > _MAX_LOOKALIKES:
            raise _invalid("The boundary occurs inside of the data; send the form again with another boundary.")
        self._fed += len(data)
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _invalid("The multipart body is damaged; let your HTTP library build it.") from error
        if self._fed - self._explained > self._limits.max_padding_bytes:
            raise _invalid("There are too many bytes before, between or behind the parts of the form.")
        events, self._events = self._events, []
        return events

    def finish(self) -> None:
        """The body is at its end; raises when the form is not."""
        if not self._ended:
            raise _invalid("The multipart body ends before its closing boundary; send it again.")

    def _on_part_begin(self) -> None:
        self._explained += len(self._delimiter) + 2
        self._headers, self._header_bytes = [], 0

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_header_bytes(end - start)
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header_bytes(end - start)
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._explained += len(": \r\n")
        self._headers.append((self._field.lower(), self._value))
        self._field = self._value = b""

    def _on_headers_finished(self) -> None:
        self._explained += len("\r\n")
        self._events.append(self._part_start())

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._explained += end - start
        self._events.append(PartData(data[start:end]))

    def _on_part_end(self) -> None:
        self._events.append(PartEnd())

    def _on_end(self) -> None:
        self._explained += len(self._delimiter) + len("--\r\n")
        self._ended = True

    def _count_header_bytes(self, count: int) -> None:
        self._explained += count
        self._header_bytes += count
        if self._header_bytes > self._limits.max_part_header_bytes:
            raise _invalid(f"The headers of a part have more than {self._limits.max_part_header_bytes} bytes.")

    def _part_start(self) -> PartStart:
        """From Content-Disposition. ``filename*`` and ``name*`` do not count: RFC 7578 §4.2 forbids them in forms."""
        dispositions = [value for field, value in self._headers if field == b"content-disposition"]
        if len(dispositions) != 1:
            raise _invalid("Each part of the form needs one Content-Disposition header.")
        kind, options = _options(dispositions[0].decode("latin-1"))
        name = options.get(b"name", b"")
        if kind != b"form-data" or not 1 <= len(name) <= self._limits.max_name_bytes:
            limit = self._limits.max_name_bytes
            message = f"Each part of the form needs Content-Disposition: form-data with a name of 1 to {limit} bytes."
            raise _invalid(message)
        filename = options.get(b"filename")
        return PartStart(name.decode("utf-8", "replace"), None if filename is None else filename.decode("utf-8", "replace"))


def _options(header: str) -> Options:
    """The header's value and parameters. One with very many parameters is not read: that would take quadratic time."""
    if header.count(";") > _MAX_SEMICOLONS:
        raise _invalid(f"A header of the form has more than {_MAX_SEMICOLONS} semicolons.")
    try:
        return parse_options_header(header)
    except UnicodeEncodeError as error:
        raise _invalid("The Content-Type has characters that no header may have.") from error


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="invalid_multipart")
