"""Every adapter by name: an explicit table, searchable and typed."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pydantic import BaseModel

from imagegate.adapters.base import Adapter
from imagegate.adapters.openai import OpenAIAdapter, OpenAIOptions
from imagegate.adapters.sandbox import SandboxAdapter, SandboxOptions
from imagegate.catalog.loader import Catalog


@dataclass(frozen=True, slots=True)
class AdapterRow:
    """What is known of an adapter without making one. ``key_variables``: environment names that switch it on with no config."""

    name: str
    options: type[BaseModel]
    default_base_url: str | None = None
    needs_key: bool = True
    key_variables: tuple[str, ...] = ()
    base_url_variable: str | None = None


ROWS: tuple[AdapterRow, ...] = (
    AdapterRow(
        "openai",
        OpenAIOptions,
        default_base_url="https://api.openai.com/v1",
        key_variables=("OPENAI_API_KEY",),
        base_url_variable="OPENAI_BASE_URL",
        needs_key=False,
    ),
    AdapterRow("sandbox", SandboxOptions, default_base_url="sandbox:", needs_key=False),
)


def build(catalog: Catalog, executor: ThreadPoolExecutor) -> Mapping[str, Adapter]:
    """One instance of each adapter. ``executor``: for work that would block the event loop."""
    return {
        "openai": OpenAIAdapter(catalog),
        "sandbox": SandboxAdapter(executor, catalog=catalog),
    }
