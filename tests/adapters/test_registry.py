"""The table of adapters: nothing is imported that nobody needs."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagegate.adapters import registry
from imagegate.adapters.base import Tools
from imagegate.catalog.loader import Catalog
from imagegate.settings.environment import SANDBOX_MODELS


@pytest.mark.parametrize("name", registry.ENTRIES)
def test_the_names_are_those_of_the_rows(name: str) -> None:
    assert registry.Rows()[name].name == name


def test_rows_are_a_mapping_of_the_known_names_and_no_other_module() -> None:
    rows = registry.Rows()
    assert list(rows) == list(registry.ENTRIES)
    assert len(rows) == len(registry.ENTRIES)
    assert rows["sandbox"] is rows["sandbox"]
    for name in ("nobody", "base", "registry", "../app", "os"):
        assert rows.get(name) is None


def test_one_instance_is_built_for_each_name() -> None:
    with ThreadPoolExecutor(1) as executor:
        built = registry.build(["sandbox", "openai", "sandbox"], Tools(Catalog.load(), executor))
        assert sorted(built) == ["openai", "sandbox"]
        assert built["sandbox"].capabilities(SANDBOX_MODELS[0]).operations
        with pytest.raises(KeyError, match="nobody"):
            registry.build(["nobody"], Tools(Catalog.load(), executor))


def test_variables_that_switch_providers_on_belong_to_one_each() -> None:
    variables = [name for entry in registry.ENTRIES.values() for name in entry.key_variables]
    assert len(variables) == len(set(variables))
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", name) for name in variables)


def test_an_adapter_is_imported_when_it_is_asked_for() -> None:
    program = (
        "import sys\n"
        "from imagegate.adapters import registry\n"
        "loaded = lambda: sorted(n for n in registry.ENTRIES if f'imagegate.adapters.{n}' in sys.modules)\n"
        "rows = registry.Rows()\n"
        "print(list(rows) and loaded())\n"
        "rows['openai']\n"
        "print(loaded())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.splitlines() == ["[]", "['openai']"]
