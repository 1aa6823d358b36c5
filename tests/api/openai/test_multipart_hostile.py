"""Bodies made to cost the server time or room: each is refused, quickly, and leaves nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagegate.errors import RequestError
from tests.api.openai.forms import MIB, read, refused
from tests.media.spooling import open_files

OPEN = b'--B\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
LONG = "B" * 200
FLOOD = 50 * MIB
HOSTILE = {
    "dashes behind the boundary": ("B", OPEN + b"x\r\n--B", b"-" * 65_536, FLOOD),
    "spaces behind the boundary": ("B", OPEN + b"x\r\n--B", b" " * 65_536, FLOOD),
    "preamble of line ends": ("B", b"", b"\r\n" * 32_768, FLOOD),
    "preamble of text": ("B", b"", b"x" * 65_536, FLOOD),
    "epilogue": ("B", OPEN + b"x\r\n--B--\r\n", b"x" * 65_536, FLOOD),
    "carriage returns": ("B", OPEN, b"\r" * 65_536, FLOOD),
    "line ends": ("B", OPEN, b"\r\n" * 32_768, FLOOD),
    "beginnings of a short boundary": ("B", OPEN, b"\r\n--" * 16_384, FLOOD),
    "beginnings of a long boundary": (LONG, OPEN.replace(b"B", LONG.encode()), (b"\r\n--" + b"B" * 199 + b"C") * 300, FLOOD),
    "boundaries that are none": ("B", OPEN, b"\r\n--Bx" * 10_000, FLOOD),
    "boundaries that nearly end": ("B", OPEN, b"\r\n--B-x" * 10_000, FLOOD),
    "headers": ("B", b"--B\r\n", b"X-A: b\r\n" * 8_000, FLOOD),
    "one long header": ("B", b"--B\r\nX-A: ", b"v" * 65_536, FLOOD),
    "one long header name": ("B", b"--B\r\n", b"v" * 65_536, FLOOD),
    "spaces before a header": ("B", b"--B\r\nX-A:", b" " * 65_536, FLOOD),
    "empty parts": ("B", b"", b"--B\r\n\r\n\r\n" * 6_000, FLOOD),
    "text parts": ("B", b"", b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n" * 1_300, FLOOD),
    "file parts": ("B", b"", b"--B\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\nx\r\n" * 1_000, FLOOD),
    "empty files": ("B", b"", b"--B\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\n\r\n" * 1_000, FLOOD),
    "a long field": ("B", b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n", b"x" * 65_536, FLOOD),
    "a long picture": ("B", OPEN, b"\x00" * 65_536, 51 * MIB),
    "no end": ("B", OPEN, b"x", 10),
    "semicolons": ("B", b"", b'--B\r\nContent-Disposition: form-data; name=a;"' + b";" * 8_000 + b"\r\n\r\nx\r\n", MIB),
    "quotes": ("B", b"", b"--B\r\nContent-Disposition: form-data; name=a;" + b'"\\";' * 2_000 + b"\r\n\r\nx\r\n", MIB),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_bodies_cost_little(name: str, tmp_path: Path) -> None:
    boundary, start, flood, length = HOSTILE[name]
    limit = 0.8
    worst = 0.0

    def chunks() -> Iterator[bytes]:
        nonlocal worst
        yield start
        for _ in range(0, length, len(flood)):
            before = time.process_time()
            yield flood
            worst = max(worst, time.process_time() - before)

    started = time.process_time()
    with pytest.raises(RequestError) as error:
        await read(chunks(), boundary, directory=tmp_path)
    assert 400 <= error.value.http_status < 500
    assert time.process_time() - started < limit
    assert worst < 0.1
    assert open_files(tmp_path) == 0


async def test_a_hostile_body_in_one_chunk_costs_no_more() -> None:
    started = time.process_time()
    assert (await refused([OPEN + b"x\r\n--B" + b" " * 8 * MIB])).code == "invalid_multipart"
    assert time.process_time() - started < 0.3
