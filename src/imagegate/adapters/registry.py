"""Every adapter by name: an explicit table, searchable and typed."""

from __future__ import annotations

from collections.abc import Mapping

from imagegate.adapters import openai, sandbox
from imagegate.adapters.base import Adapter, AdapterRow, Tools

ROWS: tuple[AdapterRow, ...] = (
    openai.ROW,
    sandbox.ROW,
)


def build(tools: Tools) -> Mapping[str, Adapter]:
    """One instance of each adapter."""
    return {row.name: row.make(tools) for row in ROWS}
