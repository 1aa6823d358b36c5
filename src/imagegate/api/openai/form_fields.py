"""Text fields of a form as one nested object, the way SDKs take their objects apart.

``svg[reasoning][effort]`` is an object in an object, ``tags[]`` and ``tags[0]`` are list items, ``loras[][path]`` belongs to
objects of a list. The OpenAI SDKs write empty brackets (openai-python all ``path`` first, openai-node object after object),
axios writes numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from imagegate.errors import InvalidRequest

MAX_DEPTH = 5
"""Names in a row: ``a[b][c]`` has three."""

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_KEY = re.compile(r"\[([^\[\]]*)\]")
_INDEX = re.compile(r"[0-9]{1,6}")

Key = str | int
Node = dict[Key, Any]
"""Values are str, Node or _Rows; int keys are places in a list."""


@dataclass(slots=True)
class _Rows:
    """Objects of a list, by column: the only order that both SDKs agree on."""

    columns: dict[str, list[str]] = field(default_factory=dict)


class FormFields:
    """Collects fields in wire order. Every error is InvalidRequest with the field as ``param``."""

    def __init__(self) -> None:
        self._root: Node = {}

    def add(self, name: str, value: str) -> None:
        """One more field. The same value twice counts once, as some clients send it; two values for one name are an error."""
        key: Key
        key, *inner = _split(name)
        if "" in inner[:-1]:
            self._add_to_row(key, inner, value, name)
            return
        node = self._root
        for token in inner:
            node = _descend(node, key, name)
            key = _key(token) if token else _next_place(node)
        if node.setdefault(key, value) != value:
            message = f"The field '{printable(name)}' came twice with different values; send it once."
            raise InvalidRequest(message, param=printable(name), code="duplicate_parameter")

    def as_object(self) -> dict[str, Any]:
        """All fields: strings, and lists and objects of them."""
        return {str(key): _plain(value, str(key)) for key, value in self._root.items()}

    def _add_to_row(self, key: Key, inner: list[str], value: str, name: str) -> None:
        *path, empty, column = inner
        if empty or "" in path or not column:
            message = f"The field '{printable(name)}' is a list of more than simple objects; send the request as JSON."
            raise _bad_name(message, name)
        node = self._root
        for token in path:
            node, key = _descend(node, key, name), _key(token)
        rows = node.setdefault(key, _Rows())
        if not isinstance(rows, _Rows):
            raise _contradiction(name)
        rows.columns.setdefault(column, []).append(value)


def printable(name: str) -> str:
    """A caller's own name, short and safe enough for a message."""
    return "".join(character if character.isprintable() else "?" for character in name[:100])


def _split(name: str) -> list[str]:
    """``a[b][]`` as ``a``, ``b`` and an empty text; a name with stray brackets is taken as it is."""
    match = _NAME.fullmatch(name)
    tokens = [match.group(1), *_KEY.findall(match.group(2))] if match else [name]
    if len(tokens) > MAX_DEPTH:
        raise _bad_name(f"The field '{printable(name)}' is nested deeper than {MAX_DEPTH} levels.", name)
    return tokens


def _descend(node: Node, key: Key, name: str) -> Node:
    child = node.setdefault(key, {})
    if not isinstance(child, dict):
        raise _contradiction(name)
    return child


def _next_place(node: Node) -> int:
    return 1 + max((key for key in node if isinstance(key, int)), default=-1)


def _key(token: str) -> Key:
    return int(token) if _INDEX.fullmatch(token) else token


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, _Rows):
        return _objects(value, name)
    if not isinstance(value, dict):
        return value
    places = sorted(key for key in value if isinstance(key, int))
    if not places:
        return {key: _plain(item, name) for key, item in value.items()}
    if len(places) < len(value):
        raise _bad_name(f"The field '{printable(name)}' is a list and an object at once.", name)
    return [_plain(value[place], name) for place in places]


def _objects(rows: _Rows, name: str) -> list[dict[str, str]]:
    """Only when all objects have the same names: otherwise nobody can tell which value belongs to which."""
    if len({len(column) for column in rows.columns.values()}) > 1:
        message = f"The objects in the field '{printable(name)}' differ in their names; send the request as JSON."
        raise _bad_name(message, name)
    return [dict(zip(rows.columns, values, strict=True)) for values in zip(*rows.columns.values(), strict=True)]


def _contradiction(name: str) -> InvalidRequest:
    message = f"The field '{printable(name)}' contradicts an earlier one of another kind."
    return InvalidRequest(message, param=printable(name), code="duplicate_parameter")


def _bad_name(message: str, name: str) -> InvalidRequest:
    return InvalidRequest(message, param=printable(name), code="invalid_field_name")
