"""The pictures of a form: files, and texts that refer to one, spooled while they arrive."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from imagegate.api.openai.form_limits import FormLimits
from imagegate.api.openai.form_parts import PartStart
from imagegate.errors import InvalidRequest, TooLarge
from imagegate.media.sniff import sniff
from imagegate.media.spool import Spool, Spools

IMAGE = "image"

_NAMES = (
    (re.compile(r"images?(?:\[[0-9]{0,4}\]|_[0-9]{1,4})?"), IMAGE),
    (re.compile(r"mask(?:\[[0-9]{0,4}\])?"), "mask"),
    (re.compile(r"markup(?:\[[0-9]{0,4}\])?"), "markup"),
)
_NOTHING = frozenset({"", "null", "None", "undefined"})
_LONGEST_NOTHING = 16
_CONTROLS = bytes(code for code in range(0x20) if code not in b"\t\n\r") + b"\x7f"


@dataclass(frozen=True, slots=True)
class FilePart:
    """A picture's bytes. ``field``: ``image``, ``mask`` or ``markup``. ``filename``: the caller's own, for no path ever."""

    field: str
    filename: str | None
    spool: Spool


@dataclass(frozen=True, slots=True)
class TextReference:
    """A picture given as text: URL, data URL or base64. ``field`` as in ``FilePart``."""

    field: str
    text: str


Picture = FilePart | TextReference


def picture_field(name: str) -> str | None:
    """Which picture a part of this name is: ``image`` for ``images[]``, ``image[0]``, ``image_1``, …; None when it is none."""
    return next((field for pattern, field in _NAMES if pattern.fullmatch(name)), None)


class Pictures:
    """Those of one form, in wire order."""

    def __init__(self, limits: FormLimits, spools: Spools) -> None:
        self.parts: list[Picture] = []
        self.limits = limits
        self.spools = spools
        self._text_bytes = 0

    def param(self, field: str) -> str:
        """What an error about the next picture calls it."""
        return f"{IMAGE}[{self._images()}]" if field == IMAGE else field

    def check_one_more(self, field: str) -> None:
        """Raises InvalidRequest (``too_many_images``) when no further reference picture is taken."""
        if field == IMAGE and self._images() >= self.limits.max_images:
            message = f"Send at most {self.limits.max_images} pictures."
            raise InvalidRequest(message, param=IMAGE, code="too_many_images")

    async def add(self, picture: Picture) -> None:
        """Keep a picture; mask and markup only once, the same one again is dropped."""
        earlier = None if picture.field == IMAGE else next((part for part in self.parts if part.field == picture.field), None)
        if earlier is None:
            self.parts.append(picture)
        elif await _same(earlier, picture):
            if isinstance(picture, FilePart):
                await picture.spool.close()
        else:
            message = f"The form has two different pictures for '{picture.field}'; send one."
            raise InvalidRequest(message, param=picture.field, code="duplicate_parameter")

    def count_text(self, size: int, param: str) -> None:
        """Raises when a text reference of ``size`` bytes, or all of them together, are too long."""
        self._text_bytes += size
        if size > self.limits.max_reference_bytes:
            message = f"The text in '{param}' is too long for a URL or data URL; upload the file itself."
            raise InvalidRequest(message, param=param, code="image_url_too_long")
        if self._text_bytes > self.limits.max_references_bytes:
            raise TooLarge(
                "The pictures given as text are too long together; upload files.", param=param, code="images_too_large"
            )

    def _images(self) -> int:
        return sum(part.field == IMAGE for part in self.parts)


class PictureSink:
    """Takes one part. A part without bytes is an absent picture: browsers send one for an empty file input."""

    def __init__(self, pictures: Pictures, field: str, start: PartStart) -> None:
        self._pictures = pictures
        self._field = field
        self._start = start
        self._spool: Spool | None = None

    async def write(self, data: bytes) -> None:
        """Add bytes. Raises InvalidRequest or TooLarge as soon as the picture is one too many or too large."""
        if self._spool is None:
            self._pictures.check_one_more(self._field)
            self._spool = self._pictures.spools.new()
        limit = self._pictures.limits.max_image_bytes
        if self._spool.size + len(data) > limit:
            param = self._pictures.param(self._field)
            message = f"The picture in '{param}' has more than {limit / 1024**2:g} MiB; send a smaller one."
            raise TooLarge(message, param=param, code="image_too_large")
        await self._spool.write(data)

    async def end(self) -> None:
        """The part is complete."""
        if self._spool is None:
            return
        await self._spool.finish()
        text = await self._text(self._spool)
        if text is None:
            await self._pictures.add(FilePart(self._field, self._start.filename, self._spool))
            return
        await self._spool.close()
        if len(text) > _LONGEST_NOTHING or text.strip() not in _NOTHING:
            await self._pictures.add(TextReference(self._field, text))

    async def _text(self, spool: Spool) -> str | None:
        """What a part without file name says; None when its bytes are a picture or no text."""
        head = spool.head
        if self._start.filename is not None or sniff(head) is not None or head.translate(None, _CONTROLS) != head:
            return None
        self._pictures.count_text(spool.size, self._pictures.param(self._field))
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            pieces = [decoder.decode(piece) async for piece in spool.chunks()]
            return "".join([*pieces, decoder.decode(b"", final=True)])
        except UnicodeDecodeError:
            return None


async def _same(one: Picture, other: Picture) -> bool:
    if isinstance(one, FilePart) and isinstance(other, FilePart):
        return one.spool.size == other.spool.size and await one.spool.sha256() == await other.spool.sha256()
    return one == other
