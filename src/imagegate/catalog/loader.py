"""Reads the catalog's YAML files and answers what a model of an adapter can do. Reading blocks; do it at the start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from imagegate.catalog.rows import Row
from imagegate.domain.capabilities import Capabilities, SizePolicy, SizeRule
from imagegate.domain.images import Operation

PERMISSIVE = Capabilities(
    operations=frozenset(Operation),
    max_n=10,
    max_prompt=1_000_000,
    sizes=SizeRule(policy=SizePolicy.PASSTHROUGH),
    max_references=64,
    markup=True,
    partial_images=3,
)
"""For models that no row covers: everything passes and the provider decides."""

_WILDCARDS = "*?["
_REMEMBERED = 4096
"""Names whose row is remembered; where a channel has a glob, clients make the names up."""


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """One row: ``pattern`` is a model's name or a glob. ``notes``: what is uncertain, for people."""

    adapter: str
    pattern: str
    capabilities: Capabilities
    notes: str = ""

    @property
    def concrete(self) -> bool:
        """Whether the row is of one model, not of a glob."""
        return not any(sign in self.pattern for sign in _WILDCARDS)


def _today() -> date:
    return datetime.now(UTC).date()


class Catalog:
    """All rows of all adapters. ``today`` decides which models are retired."""

    def __init__(self, rows: Sequence[CatalogRow], today: Callable[[], date] = _today) -> None:
        self._rows = {(row.adapter, row.pattern): row for row in rows}
        self._today = today
        self._found = lru_cache(maxsize=_REMEMBERED)(self._find)

    @classmethod
    def load(cls, folder: Traversable | None = None, today: Callable[[], date] = _today) -> Catalog:
        """Read every ``<adapter>.yaml`` of ``folder``; the package's own files when it is None.

        Raises ``ValueError`` with one ``file:line: key: what is wrong`` per line.
        """
        found = (folder or files(__package__)).iterdir()
        sources = sorted((file for file in found if file.name.endswith(".yaml")), key=lambda file: file.name)
        return cls([row for file in sources for row in _read(file.name, file.read_text("utf-8"))], today)

    @property
    def adapters(self) -> tuple[str, ...]:
        """Adapters that have rows."""
        return tuple(sorted({adapter for adapter, _ in self._rows}))

    def row(self, adapter: str, model: str) -> CatalogRow | None:
        """The row of an upstream model: its own, else the most specific glob's; None when none covers it."""
        return self._found(adapter, model)

    def _find(self, adapter: str, model: str) -> CatalogRow | None:
        if exact := self._rows.get((adapter, model)):
            return exact
        globs = [row for row in self._rows.values() if row.adapter == adapter and fnmatchcase(model, row.pattern)]
        return max(globs, key=_specificity, default=None)

    def capabilities(self, adapter: str, model: str) -> Capabilities:
        """What the adapter can do for an upstream model; ``PERMISSIVE`` when no row covers it."""
        row = self.row(adapter, model)
        return row.capabilities if row else PERMISSIVE

    def models(self, adapter: str) -> tuple[str, ...]:
        """Names of the adapter's models in the file's order, retired ones last."""
        rows = [row for row in self._rows.values() if row.adapter == adapter and row.concrete]
        return tuple(row.pattern for row in sorted(rows, key=self._retired))

    def _retired(self, row: CatalogRow) -> bool:
        retires = row.capabilities.retires
        return retires is not None and date.fromisoformat(retires) <= self._today()


def _specificity(row: CatalogRow) -> tuple[int, str]:
    return sum(sign not in "*?[]" for sign in row.pattern), row.pattern


class _File(BaseModel):
    """A whole file; rows may share values by YAML anchors."""

    model_config = ConfigDict(extra="forbid")

    models: dict[str, Row]


def _read(name: str, text: str) -> Iterator[CatalogRow]:
    root, data = _parse(name, text)
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        raise ValueError("\n".join(_problem(name, root, item["loc"], item["msg"]) for item in error.errors())) from error
    adapter = name.removesuffix(".yaml")
    for pattern, row in file.models.items():
        yield CatalogRow(adapter, pattern, row.capabilities(), row.notes)


def _parse(name: str, text: str) -> tuple[yaml.Node | None, Any]:
    """The file as nodes, which know their lines, and as values."""
    loader = yaml.CSafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None, None
        if twice := _duplicate(root):
            raise ValueError(f"{name}:{twice.start_mark.line + 1}: {twice.value}: written twice")
        return root, loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ValueError(f"{name}:{line}: {error.problem or error.context}") from error
    finally:
        loader.dispose()


def _duplicate(node: yaml.Node) -> yaml.ScalarNode | None:
    """The first key that a mapping has twice; YAML itself would let the last one win."""
    if isinstance(node, yaml.SequenceNode):
        return next(filter(None, map(_duplicate, node.value)), None)
    if not isinstance(node, yaml.MappingNode):
        return None
    seen: set[str] = set()
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                return key
            seen.add(key.value)
        if found := _duplicate(value):
            return found
    return None


def _problem(name: str, root: yaml.Node | None, location: Sequence[int | str], message: str) -> str:
    """``file:line: key: what``; the line is of the deepest part of the location that the file has."""
    line, node = 1, root
    for part in location:
        key, node = _step(node, part)
        if key is None:
            break
        line = key.start_mark.line + 1
    path = ".".join(str(part) for part in location) or "file"
    return f"{name}:{line}: {path}: {message.removeprefix('Value error, ')}"


def _step(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Where a part of a location stands, and what is below it."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):  # merged keys come first, a row's own last
            if key.value == str(part):
                return key, value
    return None, None
