"""The child process of ``convert``: jobs come on standard input, pictures go out on standard output, one after the other.

A job is a line of JSON (``size``, ``format``, ``compression``, ``max_pixels``) and ``size`` bytes; an answer is a line of JSON
(``size``, and ``refused``: a reason, when there is no picture) and ``size`` bytes. The end of the input ends the process, so it
never outlives the server.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import BinaryIO

from PIL import Image

from imagegate.media.transcode import Unconvertible, transcode

_NICE = 5
"""Steps behind the server: its event loop serves everybody, a conversion one request."""


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer jobs until there are no more."""
    while line := source.readline():
        job = json.loads(line)
        data = source.read(job["size"])
        if len(data) < job["size"]:
            return
        picture, refused = b"", None
        try:
            picture = transcode(data, job["format"], job["compression"], job["max_pixels"])
        except Unconvertible as error:
            refused = str(error)
        target.write(json.dumps({"size": len(picture), "refused": refused}).encode() + b"\n")
        target.write(picture)
        target.flush()


def main() -> None:
    """Serve the process that started this one."""
    Image.MAX_IMAGE_PIXELS = None  # every job says its own limit
    with suppress(AttributeError, OSError):
        os.nice(_NICE)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
