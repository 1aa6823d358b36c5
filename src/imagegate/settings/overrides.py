"""Any key of the file from the environment: ``IMAGEGATE__SERVER__PORT=9000``, ``IMAGEGATE__CHANNELS__0__PRIORITY=5``.

Letter case does not count. Lists and mappings are given as JSON and replace what stands there; the index after the last
item adds one. Values are taken as they are: references such as ``${NAME}`` are not followed.

``pydantic_settings`` has a source for nested variables, but it reads only ``os.environ``, has no list indexes and lets
unknown names of the first level pass, which must be errors here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from imagegate.settings.document import Document
from imagegate.settings.fields import at, child, fitted, is_container, is_list, optional, section
from imagegate.settings.model import Settings
from imagegate.settings.problems import KeyPath, Place, Problem, nearest

PREFIX = "IMAGEGATE__"
_SEPARATOR = "__"
_INDEX = re.compile("[0-9]{1,6}")


class _Unknown(Exception):
    """The variable names nothing; the text says what is near."""


def apply_overrides(document: Document, environ: Mapping[str, str]) -> None:
    """Writes each ``IMAGEGATE__…`` variable into the document, shorter paths first. What is wrong goes to its ``problems``."""
    names = [name for name in environ if name.upper().startswith(PREFIX)]
    for name in sorted(names, key=_order):
        try:
            path = _resolve(name, document.data)
            value = _parsed(at(Settings, path), environ[name])
        except (_Unknown, ValueError) as error:
            document.problems.append(Problem(name, None, None, (), str(error)))
        else:
            document.put(path, value, Place(name))


def _steps(name: str) -> list[str]:
    return name[len(PREFIX) :].split(_SEPARATOR)


def _order(name: str) -> tuple[int, list[tuple[int, str]]]:
    steps = _steps(name)
    return len(steps), [(int(step), "") if _INDEX.fullmatch(step) else (-1, step.lower()) for step in steps]


def _resolve(name: str, data: Any) -> KeyPath:
    """The path that a variable names. Raises _Unknown."""
    path: KeyPath = ()
    kind: Any = Settings
    steps = _steps(name)
    for index, step in enumerate(steps):
        key = _match(kind, step, data, _Trail(steps[:index], steps[index + 1 :]))
        kind = child(kind, key)
        path = (*path, key)
        data = _below(data, key)
    return path


class _Trail:
    """The rest of a variable's name around one step, to write the whole name again with another step."""

    def __init__(self, before: list[str], after: list[str]) -> None:
        self._before, self._after = before, after

    def with_step(self, step: str) -> str:
        return PREFIX + _SEPARATOR.join([*self._before, step, *self._after]).upper()

    @property
    def parent(self) -> str:
        return PREFIX + _SEPARATOR.join(self._before).upper()


def _match(kind: Any, step: str, data: Any, trail: _Trail) -> str | int:
    model = section(kind)
    if model is not None:
        return _field(model.model_fields, step, trail)
    if is_list(kind) or (kind is Any and isinstance(data, list)):
        return _index(step, data if isinstance(data, list) else [], trail)
    if not is_container(kind) and kind is not Any:
        raise _Unknown(f"unknown setting; {trail.parent} has nothing below it")
    if not step:
        raise _Unknown(f"unknown setting; {trail.parent} needs the name of an entry")
    known = data if isinstance(data, dict) else {}
    return next((key for key in known if key.lower() == step.lower()), step.lower())


def _field(known: Mapping[str, Any], step: str, trail: _Trail) -> str:
    if step.lower() in known:
        return step.lower()
    similar = nearest(step, known)
    if similar:
        raise _Unknown(f"unknown setting, did you mean {trail.with_step(similar)}?")
    raise _Unknown(f"unknown setting; known here: {', '.join(known)}")


def _index(step: str, held: list[Any], trail: _Trail) -> int:
    if not _INDEX.fullmatch(step):
        raise _Unknown(f'unknown setting; {trail.parent} is a list, so "{step}" must be a number from 0')
    if int(step) > len(held):
        raise _Unknown(f"there is no item {step}; the next free one is {trail.with_step(str(len(held)))}")
    return int(step)


def _below(data: Any, key: str | int) -> Any:
    if isinstance(data, list) and isinstance(key, int):
        return data[key] if key < len(data) else None
    return data.get(key) if isinstance(data, dict) else None


def _parsed(kind: Any, text: str) -> Any:
    if kind is Any:
        return _json_or_text(text)
    if is_container(kind):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            example = '["a", "b"]' if is_list(kind) else '{"name": "value"}'
            raise ValueError(f"must be JSON, such as {example}") from None
    return None if text == "null" and optional(kind) else fitted(kind, text)


def _json_or_text(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
