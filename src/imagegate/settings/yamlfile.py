"""Reads YAML with a safe loader, node by node: no objects, no duplicate keys, keys as text, dates as text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from imagegate.settings.document import Document
from imagegate.settings.problems import ConfigError, KeyPath, Place, Problem

_MAX_BYTES = 4 * 1024**2
_MAX_NODES = 100_000
_PREFIX = "tag:yaml.org,2002:"
_PLAIN_TAGS = (f"{_PREFIX}map", f"{_PREFIX}seq")
_AS_TEXT = (f"{_PREFIX}timestamp", f"{_PREFIX}value")
_HINTS = (
    ("that cannot start any token", "indent with spaces, and put text that starts with a special character in quotes"),
    ("expected alphabetic or numeric character", 'put a name that starts with * or & in quotes, such as "*"'),
    ("mapping values are not allowed here", "look at the indentation, or put text that holds a colon in quotes"),
    ("but found another document", "keep everything in one document, without a second ---"),
)


class _TextLoader(yaml.SafeLoader):
    """The safe loader, with dates left as text."""


_TextLoader.yaml_implicit_resolvers = {
    first: [row for row in rows if row[0] not in _AS_TEXT] for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_document(path: Path) -> Document:
    """The file as a Document; duplicate keys and the like are in its ``problems``.

    Raises ConfigError when the file cannot be read or is no YAML mapping.
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _fatal(Place(name), f"cannot be read: {(error.strerror or 'input error').lower()}") from None
    if len(raw) > _MAX_BYTES:
        raise _fatal(Place(name), f"is larger than {_MAX_BYTES // 1024**2} MiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", "replace")
        raise _fatal(_end_of(before, name), "is not UTF-8 text") from None
    return parse_document(text, name, path.parent)


def parse_document(text: str, name: str, folder: Path = Path()) -> Document:
    """YAML text as a Document; see ``read_document``."""
    document = Document(name, folder=folder)
    try:
        _Builder(text, document).run()
    except yaml.reader.ReaderError as error:
        raise _fatal(_end_of(text[: error.position], name), "holds a character that is not allowed in YAML") from None
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text, name) from None
    except RecursionError:
        raise _fatal(Place(name), "is nested too deeply") from None
    return document


class _Builder:
    def __init__(self, text: str, document: Document) -> None:
        self._loader = _TextLoader(text)
        self._document = document
        self._open: set[int] = set()
        self._nodes = 0

    def run(self) -> None:
        try:
            root = self._loader.get_single_node()
            if root is None or root.tag == f"{_PREFIX}null":
                return
            if not isinstance(root, yaml.MappingNode):
                raise _fatal(self._place(root), "must be a mapping (server: …, channels: …)")
            self._document.data = self._build(root, ())
        finally:
            self._loader.dispose()

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._document.name, node.start_mark.line + 1, node.start_mark.column + 1)

    def _complain(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        place = self._place(node)
        self._document.problems.append(Problem(place.file, place.line, place.column, path, message))
        self._document.covered.add(path)

    def _build(self, node: yaml.Node, path: KeyPath) -> Any:
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise _fatal(self._place(node), f"holds more than {_MAX_NODES} values")
        self._document.values[path] = self._place(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            self._complain(node, path, "an anchor may not hold itself")
            return None
        if node.tag not in _PLAIN_TAGS:
            self._complain(node, path, f'unknown tag "{node.tag}"')
        self._open.add(id(node))
        value = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        self._open.discard(id(node))
        return value

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        try:
            return self._loader.construct_object(node)
        except (yaml.constructor.ConstructorError, ValueError):
            kind = node.tag.removeprefix(_PREFIX)
            self._complain(node, path, f'cannot be read as "{kind}"; put it in quotes if it is text')
            return None

    def _sequence(self, node: yaml.Node, path: KeyPath) -> list[Any]:
        return [self._build(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, key_node, value_node in self._entries(node, path):
            self._document.keys[*path, key] = self._place(key_node)
            result[key] = self._build(value_node, (*path, key))
        return result

    def _entries(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if key.tag == f"{_PREFIX}merge":
                merged.extend(value.value if isinstance(value, yaml.SequenceNode) else [value])
            elif not isinstance(key, yaml.ScalarNode):
                self._complain(key, path, "a key must be plain text")
            elif key.value in own:
                first = self._place(own[key.value][0]).line
                self._complain(key, (*path, key.value), f'duplicate key "{key.value}", already in line {first}')
            else:
                own[key.value] = key, value
        for source in merged:
            self._merge(own, source, path)
        return ((key, *nodes) for key, nodes in own.items())

    def _merge(self, own: dict[str, tuple[yaml.Node, yaml.Node]], source: yaml.Node, path: KeyPath) -> None:
        if not isinstance(source, yaml.MappingNode) or id(source) in self._open:
            self._complain(source, path, "<< takes another mapping, such as *name")
            return
        self._open.add(id(source))
        for key, key_node, value_node in self._entries(source, path):
            own.setdefault(key, (key_node, value_node))
        self._open.discard(id(source))


def _syntax(error: yaml.MarkedYAMLError, text: str, name: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "cannot be parsed"
    hint = next((hint for part, hint in _HINTS if part in problem), None)
    if mark is None:
        return _fatal(Place(name), f"not valid YAML: {problem}")
    lines = text.splitlines()
    if hint is None and mark.line < len(lines) and "${" in lines[mark.line]:
        hint = 'inside { } and [ ], put "${NAME}" in quotes'
    message = f"not valid YAML: {problem}" + (f"; {hint}" if hint else "")
    return _fatal(Place(name, mark.line + 1, mark.column + 1), message)


def _end_of(text: str, name: str) -> Place:
    return Place(name, text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1)


def _fatal(place: Place, message: str) -> ConfigError:
    return ConfigError([Problem(place.file, place.line, place.column, (), message)])
