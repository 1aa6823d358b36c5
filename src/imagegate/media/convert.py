"""Pictures in another format, made by child processes: what strangers' bytes do to a decoder they do to nobody else.

No process runs before the first conversion, and none some time after the last. A child gets nothing of the server's environment,
where keys are, and shares no memory with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from imagegate.domain.images import Content
from imagegate.domain.output import Output
from imagegate.errors import BadResponse, PictureNotConverted
from imagegate.media.spool import PIECE, Spool

WORKER = (sys.executable, "-P", "-m", "imagegate.media.convert_worker")
"""What a child process runs."""

MAX_PIXELS = 50_000_000
"""Pixels of the largest picture; a child takes up to 24 bytes for each."""

MOST_BYTES = 256 * 1024 * 1024
"""Bytes of the largest picture that is taken from a child."""

_NEEDED = ("LD_LIBRARY_PATH", "SYSTEMROOT")
_FAILED = (OSError, EOFError, ValueError)
"""A child that cannot be started, ends, or says something else; a deadline (an OSError too); no room for the picture."""


class PictureConverter:
    """A few child processes, started when they are needed; one instance for the server, closed with it.

    ``workers``: conversions at a time; others wait. ``max_pixels``: of one picture. ``seconds``: for one picture, with its wait.
    ``idle_seconds``: how long a child without work stays. ``command``: what a child runs, for tests.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        max_pixels: int = MAX_PIXELS,
        seconds: float = 60.0,
        idle_seconds: float = 60.0,
        command: Sequence[str] = WORKER,
    ) -> None:
        self._slots = asyncio.Semaphore(workers)
        self._max_pixels = max_pixels
        self._seconds = seconds
        self._idle_seconds = idle_seconds
        self._command = command
        self._idle: list[tuple[_Child, asyncio.TimerHandle]] = []
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def idle(self) -> tuple[int, ...]:
        """Process ids of the children without work."""
        return tuple(child.pid for child, _ in self._idle)

    async def convert(self, picture: Content, output: Output, into: Spool) -> None:
        """Write ``picture`` in the wanted form to ``into``, which is left unfinished.

        Raises BadResponse when the picture is none that can be converted, PictureNotConverted when the gateway is at fault.
        """
        job = {
            "size": picture.size,
            "format": output.format,
            "compression": output.compression,
            "max_pixels": self._max_pixels,
        }
        try:
            async with asyncio.timeout(self._seconds), self._slots, self._child() as child:
                refused = await child.run(job, picture, into)
        except _FAILED as error:
            raise not_converted(output) from error
        if refused is not None:
            raise BadResponse(f"The provider's picture {refused}, so it cannot be made {output.format}.")

    async def aclose(self) -> None:
        """End every child."""
        while self._idle:
            child, timer = self._idle[0]
            timer.cancel()
            self._retire(child)
        await asyncio.gather(*self._ending)

    @asynccontextmanager
    async def _child(self) -> AsyncGenerator[_Child]:
        """A child for one job; one whose job failed or was given up is ended, because nobody knows what it will say next."""
        child = self._rested() or await _Child.start(self._command)
        try:
            yield child
        except BaseException:
            await child.kill()
            raise
        timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._retire, child)
        self._idle.append((child, timer))

    def _rested(self) -> _Child | None:
        while self._idle:
            child, timer = self._idle.pop()
            timer.cancel()
            if child.alive:
                return child
        return None

    def _retire(self, child: _Child) -> None:
        self._idle = [(other, timer) for other, timer in self._idle if other is not child]
        task = asyncio.get_running_loop().create_task(child.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def not_converted(output: Output) -> PictureNotConverted:
    """The picture is there and paid, and the gateway could not bring it into the format."""
    message = f"The picture was made, but the gateway could not make it {output.format}; leave out `output_format`."
    return PictureNotConverted(message)


class _Child:
    """A running ``convert_worker``. One job at a time."""

    def __init__(self, process: asyncio.subprocess.Process, jobs: asyncio.StreamWriter, answers: asyncio.StreamReader) -> None:
        self._process = process
        self._jobs = jobs
        self._answers = answers

    @classmethod
    async def start(cls, command: Sequence[str]) -> Self:
        """Start the process. Raises OSError when there is no room for another one."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(os.environ, sys.path),
            limit=PIECE,
            start_new_session=True,  # Ctrl-C on the server's terminal is not meant for it
        )
        assert process.stdin is not None and process.stdout is not None
        return cls(process, process.stdin, process.stdout)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process has not ended, as far as is known."""
        return self._process.returncode is None

    async def run(self, job: Mapping[str, Any], picture: Content, into: Spool) -> str | None:
        """The child's answer to a job goes to ``into``; or the reason why there is none."""
        self._jobs.write(json.dumps(job).encode() + b"\n")
        async for piece in picture.chunks():
            self._jobs.write(piece)
            await self._jobs.drain()
        left, refused = _announced(await self._answers.readline())
        while left:
            piece = await self._answers.read(min(left, PIECE))
            if not piece:
                raise EOFError("a converter ended in the middle of its picture")
            await into.write(piece)
            left -= len(piece)
        return refused

    async def end(self) -> None:
        """Let it go in its own time, which is at once when it has no work."""
        self._jobs.close()
        while await self._answers.read(PIECE):  # a pipe is free only when it has been read to its end
            pass
        await self._process.wait()

    async def kill(self) -> None:
        """End it now."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self.end()


def _announced(line: bytes) -> tuple[int, str | None]:
    """How many bytes follow, and the reason when there are none. Raises ValueError for what a sane child does not say."""
    match json.loads(line):
        case {"size": int(size), "refused": None | str() as refused} if 0 <= size <= MOST_BYTES:
            return size, refused
    raise ValueError("a converter said something else")


def _environment(environ: Mapping[str, str], path: Sequence[str]) -> dict[str, str]:
    """What a child needs to find this program; nothing else of the server's environment, where keys are."""
    kept = {name: environ[name] for name in _NEEDED if name in environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(entry for entry in path if entry)}
