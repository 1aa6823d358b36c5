"""Reading forms in tests: bodies cut into chunks, and what came of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagegate.api.openai.multipart import FilePart, Form, FormLimits, read_form
from imagegate.errors import RequestError
from imagegate.media.spool import SpoolBudget, Spools
from tests.api.openai.shapes import encode

MIB = 1024**2
GIB = 1024**3
DEFAULTS = FormLimits()
Meaning = tuple[dict[str, Any], list[tuple[str, bytes | str]]]


class Source:
    """A body that counts what was read of it and notices when it is closed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.read = 0
        self.closed = False

    async def stream(self) -> AsyncGenerator[bytes]:
        """The chunks, once."""
        try:
            for chunk in self._chunks:
                self.read += len(chunk)
                yield chunk
        finally:
            self.closed = True


def split(body: bytes, step: int = 65_536) -> Iterator[bytes]:
    """The body in chunks of ``step`` bytes."""
    return (body[start : start + step] for start in range(0, len(body), step))


async def meaning(form: Form) -> Meaning:
    """Fields, and each picture as field and bytes, or field and text."""
    parts: list[tuple[str, bytes | str]] = []
    for part in form.parts:
        parts.append((part.field, await part.spool.read() if isinstance(part, FilePart) else part.text))
    return form.fields, parts


async def read(
    chunks: Iterable[bytes], boundary: str = "B", limits: FormLimits = DEFAULTS, directory: Path | None = None
) -> Meaning:
    """What a body means. ``directory``: where its files are."""
    async with Spools(SpoolBudget(GIB), directory) as spools:
        form = await read_form(Source(chunks).stream(), f'multipart/form-data; boundary="{boundary}"', limits, spools)
        return await meaning(form)


async def read_parts(*wire: tuple[str, bytes], limits: FormLimits = DEFAULTS) -> Meaning:
    """What a form of these parts means."""
    return await read([encode("B", wire)], limits=limits)


async def refused(chunks: Iterable[bytes], boundary: str = "B", limits: FormLimits = DEFAULTS) -> RequestError:
    """The error that a body gets; it is the caller's."""
    with pytest.raises(RequestError) as error:
        await read(chunks, boundary, limits)
    assert 400 <= error.value.http_status < 500
    return error.value


async def refused_parts(*wire: tuple[str, bytes], limits: FormLimits = DEFAULTS) -> RequestError:
    """The error that a form of these parts gets."""
    return await refused([encode("B", wire)], limits=limits)
