"""Reads multipart/form-data strictly (RFC 7578), as an oracle for what was really sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser


@dataclass(frozen=True, slots=True)
class Part:
    """One part. ``filename`` None: a text field. ``content_type`` None: the part named none."""

    name: str
    data: bytes
    filename: str | None = None
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The data as UTF-8."""
        return self.data.decode()


def parse(content_type: str, body: bytes) -> list[Part]:
    """The parts in wire order. Raises ValueError when the framing is not exact."""
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise ValueError(f"not multipart/form-data with a boundary: {content_type}")
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if len(sections) < 2 or sections[0] or sections[-1] not in {b"--", b"--\r\n"}:
        raise ValueError("multipart body does not begin and end with its boundary")
    return [_part(section) for section in sections[1:-1]]


def _part(section: bytes) -> Part:
    head, gap, data = section.partition(b"\r\n\r\n")
    if not gap or not head.startswith(b"\r\n"):
        raise ValueError("a part has no headers")
    message = HeaderParser().parsestr(head.decode("utf-8").replace("\r\n", "\n").lstrip("\n"))
    name = message.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise ValueError("a part has no name")
    headers = {key.lower(): value for key, value in message.items()}
    return Part(name, data, message.get_filename(), headers.get("content-type"), headers)
