"""Values that come from elsewhere: ``${NAME}``, ``${NAME:-default}``, ``${NAME:?message}``, ``os.environ/NAME``, ``file:/path``.

It works on the text of single values after YAML was parsed, so that no variable can change the structure of the file, and
what a variable or file holds is never looked at again. ``$$`` is a dollar sign; a dollar sign before anything but ``{`` is
itself. An empty variable counts as missing, as ``:-`` and ``:?`` do in a shell; ``${NAME:-}`` is how to allow it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagegate.settings.document import Document
from imagegate.settings.fields import at, fitted
from imagegate.settings.model import Settings
from imagegate.settings.problems import Finding, KeyPath, nearest

_MAX_SECRET_BYTES = 64 * 1024
_MAX_NESTING = 20
_OPENING = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-|:\?|\})")
_SPECIAL = re.compile(r"\$\$|\$\{|\}")
_ENVIRON = "os.environ/"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE = re.compile(r"file:(?://(?=/)|(?!//))(.+)", re.DOTALL)


class InterpolationError(ValueError):
    """A reference that cannot be followed; the message is one plain sentence without secrets."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """``parts``: the default or the message behind the name."""

    name: str
    kind: str
    parts: tuple[str | _Reference, ...] = ()


_Parts = tuple[str | _Reference, ...]


def interpolate(text: str, environ: Mapping[str, str], folder: Path = Path()) -> str:
    """The text with its references replaced. Relative ``file:`` paths start from ``folder``.

    Raises InterpolationError for a missing variable or file, or a reference that is written wrong.
    """
    if text.startswith(_ENVIRON):
        name = text.removeprefix(_ENVIRON)
        if not _NAME.fullmatch(name):
            raise InterpolationError("write os.environ/NAME, with the name of one variable")
        return _variable(_Reference(name, "}"), environ)
    reference = _FILE.fullmatch(text)
    if reference:
        return read_secret(folder / _evaluate(_parse(reference[1]), environ))
    return _evaluate(_parse(text), environ)


def escape(text: str) -> str:
    """Text as it must be written to survive ``interpolate`` (``file:`` and ``os.environ/`` at its start cannot be escaped)."""
    return text.replace("$", "$$")


def read_secret(path: Path) -> str:
    """A secret file's text without the white space around it. Raises InterpolationError."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_SECRET_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "not a path").lower()
        raise InterpolationError(f"{path} cannot be read: {reason}") from None
    if len(raw) > _MAX_SECRET_BYTES:
        raise InterpolationError(f"{path} is larger than {_MAX_SECRET_BYTES // 1024} KiB")
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InterpolationError(f"{path} is not UTF-8 text") from None
    if not text:
        raise InterpolationError(f"{path} is empty")
    return text


def interpolate_document(document: Document, environ: Mapping[str, str]) -> None:
    """Replaces the references in all values of the document, except in those that an override has written."""

    def replace(path: KeyPath, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: replace((*path, key), below) for key, below in value.items()}
        if isinstance(value, list):
            return [replace((*path, index), below) for index, below in enumerate(value)]
        return value if not isinstance(value, str) or document.is_veiled(path) else _scalar(document, path, value, environ)

    document.data = replace((), document.data)


def _scalar(document: Document, path: KeyPath, text: str, environ: Mapping[str, str]) -> Any:
    try:
        value = interpolate(text, environ, document.folder)
    except InterpolationError as error:
        document.report([Finding(path, str(error))])
        return text
    if value == text:
        return text
    document.veiled.add(path)
    return fitted(at(Settings, path), value)


def _parse(text: str) -> _Parts:
    parts, end = _parse_until(text, 0, depth=0)
    return parts if end == len(text) else (*parts, text[end:])


def _parse_until(text: str, start: int, depth: int) -> tuple[_Parts, int]:
    """Parts from ``start`` to the end, or inside a reference (depth > 0) to its closing brace; with the place behind it."""
    if depth > _MAX_NESTING:
        raise InterpolationError("references are nested too deeply")
    parts: list[str | _Reference] = []
    position = start
    inside = depth > 0
    while found := _SPECIAL.search(text, position):
        parts.append(text[position : found.start()])
        position = found.end()
        if found[0] == "$$":
            parts.append("$")
        elif found[0] == "${":
            reference, position = _parse_reference(text, found.start(), depth)
            parts.append(reference)
        elif inside:
            return tuple(parts), position
        else:
            parts.append("}")
    if inside:
        raise InterpolationError("a ${ has no closing }; a literal ${ is written $${")
    return (*parts, text[position:]), len(text)


def _parse_reference(text: str, start: int, depth: int) -> tuple[_Reference, int]:
    opening = _OPENING.match(text, start)
    if opening is None:
        raise InterpolationError("write ${NAME}, ${NAME:-default} or ${NAME:?message}; a literal ${ is written $${")
    name, kind = opening[1], opening[2]
    if kind == "}":
        return _Reference(name, kind), opening.end()
    parts, end = _parse_until(text, opening.end(), depth + 1)
    return _Reference(name, kind, parts), end


def _evaluate(parts: _Parts, environ: Mapping[str, str]) -> str:
    return "".join(part if isinstance(part, str) else _variable(part, environ) for part in parts)


def _variable(reference: _Reference, environ: Mapping[str, str]) -> str:
    value = environ.get(reference.name, "")
    if value:
        return value
    if reference.kind == ":-":
        return _evaluate(reference.parts, environ)
    state = "is empty" if reference.name in environ else "is not set"
    message = f"environment variable {reference.name} {state}"
    if reference.kind == ":?":
        note = _evaluate(reference.parts, environ).strip()
        return _missing(f"{message}: {note}" if note else message)
    similar = nearest(reference.name, (name for name in environ if environ[name]), cutoff=0.8)
    return _missing(f'{message}, did you mean "{similar}"?' if similar else message)


def _missing(message: str) -> str:
    raise InterpolationError(message)
