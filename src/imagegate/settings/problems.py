"""What is wrong with the configuration, and where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

KeyPath = tuple[str | int, ...]
"""Keys and list indexes from the top of the file: ``("channels", 2, "adapter")``."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written. ``line`` and ``column`` count from 1; None when ``file`` is the name of a variable."""

    file: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A complaint about one value, before its place is known.

    ``at_key``: the key itself is wrong, not its value. ``missing``: nothing stands there. ``instead``: the path that was
    probably meant, so that nobody also complains that it is missing.
    """

    path: KeyPath
    message: str
    at_key: bool = False
    missing: bool = False
    instead: KeyPath | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One line of a report, such as ``config.yaml:41:9 channels[2].adapter: unknown adapter "opena"``."""

    file: str
    line: int | None
    column: int | None
    path: KeyPath
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        label = dotted(self.path)
        line = f"{where} {label}: {self.message}" if label else f"{where}: {self.message}"
        return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)


class ConfigError(Exception):
    """The configuration cannot be used. ``problems`` holds all of them, in the order of the file; ``str()`` is one per line.

    No ``GatewayError``: it stops the start and never reaches a client.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(dict.fromkeys(problems), key=_position))
        super().__init__("\n".join(map(str, self.problems)))


def _position(problem: Problem) -> tuple[bool, int, int, str]:
    return problem.line is None, problem.line or 0, problem.column or 0, problem.file


def dotted(path: KeyPath) -> str:
    """A path as people write it: ``channels[2].models["flux-1.1*"].upstream``."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _PLAIN_KEY.fullmatch(step):
            parts.append(f".{step}")
        else:
            parts.append(f'["{step}"]')
    return "".join(parts).removeprefix(".")


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that ``word`` was probably meant to be; letter case does not count."""
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``, did you mean "openai"?`` to append to a message, or nothing."""
    name = nearest(word, known)
    return f', did you mean "{name}"?' if name else ""
