"""The layout and the rules that keep it: what import-linter does not say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagegate.adapters import registry
from imagegate.adapters.base import Tools
from imagegate.catalog.loader import Catalog
from tests.support import providers_table

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "imagegate"
FOLDERS = {
    "adapters",
    "api",
    "catalog",
    "cli",
    "domain",
    "media",
    "relay",
    "routing",
    "settings",
    "telemetry",
    "upstream",
}
NO_SIMULATOR = {"sandbox"}
"""Adapters that talk to nobody."""
LOCAL = {"automatic1111", "comfyui"}
"""Servers on one's own machine: the catalog names none of their models."""
ONLY_DATA = {"domain/capabilities.py", "domain/images.py"}
"""Protocols and fields, without a line that could be wrong."""


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE), ast.parse(path.read_text())


def test_every_folder_is_one_that_the_architecture_names() -> None:
    found = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert found <= FOLDERS
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert not [name for name in found if f"`{name}/`" not in page], "docs/architecture.md says where a line belongs"


def test_files_are_short_and_say_what_they_are() -> None:
    for path, tree in modules():
        lines = (SOURCE / path).read_text().count("\n")
        assert lines <= 400, f"{path} has {lines} lines: a second idea begins somewhere"
        assert ast.get_docstring(tree) or not tree.body, f"{path} has no docstring"


def test_no_import_hides_in_a_function() -> None:
    for path, tree in modules():
        for function in ast.walk(tree):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                hidden = [node for node in ast.walk(function) if isinstance(node, (ast.Import, ast.ImportFrom))]
                assert not hidden, f"{path}:{function.name} imports inside"


def test_functions_fit_on_a_screen() -> None:
    for path, tree in modules():
        for function in ast.walk(tree):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (function.end_lineno or 0) - function.lineno + 1
                assert length <= 60, f"{path}:{function.name} has {length} lines"


def test_public_names_have_docstrings() -> None:
    for path, tree in modules():
        for node in tree.body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}:{node.name} has no docstring"


def test_no_adapter_is_named_outside_its_file_and_the_registry() -> None:
    names = set(registry.ENTRIES)
    allowed = re.compile(r"^(adapters|catalog|settings/environment|cli)")
    for path, tree in modules():
        if allowed.match(path.as_posix()):
            continue
        for node in ast.walk(tree):
            compared = [*node.comparators, node.left] if isinstance(node, ast.Compare) else []
            named = [item.value for item in compared if isinstance(item, ast.Constant) and item.value in names]
            assert not named, f"{path} asks for {named}: make it a capability"


def test_nothing_dangerous_is_called() -> None:
    forbidden = re.compile(
        r"verify=False|trust_env=True|follow_redirects=True|\beval\(|\bexec\(|pickle|yaml\.load\(|shell=True|request\.url\b.*auth"
    )
    for path, _ in modules():
        text = (SOURCE / path).read_text()
        assert not forbidden.search(text), f"{path}: {forbidden.search(text)}"


def test_every_source_file_outside_the_wiring_has_a_test_of_its_name() -> None:
    """``tests/x/test_y.py`` for ``x/y.py``; a private folder ``_x`` has its tests in ``x``."""
    missing = []
    for path, _ in modules():
        folder = Path(*(part.removeprefix("_") for part in path.parent.parts))
        if path.stem not in {"__init__", "__main__"} and path.as_posix() not in ONLY_DATA:
            test = ROOT / "tests" / folder / f"test_{path.stem}.py"
            missing += [] if test.exists() else [f"{path}: {test.relative_to(ROOT)}"]
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("name", list(registry.ENTRIES))
class TestAdapter:
    """Every registered adapter has all that belongs to it."""

    def test_is_built(self, name: str) -> None:
        with ThreadPoolExecutor(1) as executor:
            adapter = registry.build([name], Tools(Catalog.load(), executor))[name]
        row, entry = registry.Rows()[name], registry.ENTRIES[name]
        assert adapter.Options is row.options
        assert (row.name, row.key_variables, row.base_url_variable) == (name, entry.key_variables, entry.base_url_variable)

    def test_has_its_file_and_its_tests(self, name: str) -> None:
        assert (SOURCE / "adapters" / f"{name}.py").exists()
        test = ROOT / "tests" / "adapters" / f"test_{name}.py"
        assert re.search(r"^class Test\w*\(\w*Contract", test.read_text(), re.MULTILINE), f"{test} inherits the contract"

    def test_has_a_simulator(self, name: str) -> None:
        assert name in NO_SIMULATOR or (ROOT / "tests" / "simulators" / f"{name}.py").exists()

    def test_has_catalog_rows(self, name: str) -> None:
        """Of models with names; servers on one's own machine have those that somebody put there, and one row for all."""
        catalog = Catalog.load()
        row = catalog.row(name, "whatever-somebody-put-there")
        assert bool(catalog.models(name)) != (name in LOCAL)
        assert name not in LOCAL or (row is not None and row.pattern == "*")

    def test_has_a_page(self, name: str) -> None:
        assert (ROOT / "docs" / "providers" / f"{name}.md").exists()
        assert f"({name}.md)" in (ROOT / "docs" / "providers" / "README.md").read_text()


def test_the_table_of_providers_is_fresh() -> None:
    assert providers_table.PAGE.read_text() == providers_table.page(providers_table.PAGE.read_text()), (
        "run scripts/providers-table"
    )
