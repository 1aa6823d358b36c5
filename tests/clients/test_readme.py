"""The README's examples, as pasted and in its order, against a server started as it says, with no configuration."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.clients.node import MODULES, checked, client_env, need_node
from tests.support import pictures
from tests.support.process import ServerProcess, free_port

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^<!-- example: (?P<name>[\w-]+) -->\n```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
ANY_BLOCK = re.compile(r"^(?P<before>.*)\n```(?:bash|python|js)$", re.MULTILINE)
KEY = re.compile(r"Your key, shown only now: (\S+)")

MADE: Mapping[str, set[str]] = {
    "curl-generate": set(),
    "python-generate": {"lighthouse.png", "boat.png"},
    "node-generate": {"lighthouse-0.png", "lighthouse-1.png"},
    "python-mask": {"mask.png"},
    "curl-edit": set(),
    "python-edit": {"edited.png"},
    "node-edit": {"edited-node.png"},
    "curl-edit-url": set(),
    "curl-stream": set(),
    "python-stream": {"partial-0.png", "partial-1.png", "partial-2.png", "finished.png"},
    "node-stream": {"node-0.png", "node-1.png", "node-finished.png"},
}
"""The pictures that each example leaves in the reader's folder."""


@dataclass(frozen=True, slots=True)
class Example:
    """A fenced block and its name."""

    name: str
    language: str
    code: str


def examples() -> list[Example]:
    """Those of the README, in its order."""
    return [Example(match["name"], match["language"], match["code"]) for match in BLOCK.finditer(README.read_text())]


class Reader:
    """Somebody with a terminal in an empty folder who pastes one example after the other."""

    def __init__(self, folder: Path, base_url: str, key: str) -> None:
        self.folder = folder
        self._env = client_env(base_url, key)
        self._left = examples()
        self._said: dict[str, str] = {}
        (folder / "node_modules").symlink_to(MODULES)

    def said(self, name: str) -> str:
        """What the example printed, after everything before it was pasted once. Fails when one ends with an error."""
        while name not in self._said:
            example = self._left.pop(0)
            if example.name == name or example.language != "js":  # a reader without Node leaves those out
                self._said[example.name] = self._paste(example)
        return self._said[name]

    def _paste(self, example: Example) -> str:
        if example.language == "bash":
            return self.shell(example.code)
        command, ending = (need_node(), "mjs") if example.language == "js" else (sys.executable, "py")
        file = self.folder / f"{example.name}.{ending}"
        file.write_text(example.code)
        return checked([command, str(file)], self.folder, self._env)

    def shell(self, code: str) -> str:
        """What a line of bash prints."""
        return checked(["bash", "-e", "-o", "pipefail", "-c", code], self.folder, self._env)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """``imagegate serve`` without file and environment."""
    port, folder = free_port(), tmp_path_factory.mktemp("server")
    with ServerProcess([sys.executable, "-m", "imagegate", "serve", "--port", str(port)], port=port, cwd=folder) as running:
        yield running


@pytest.fixture(scope="module")
def reader(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    found = KEY.search(server.output())
    assert found, f"no key was printed:\n{server.output()}"
    return Reader(tmp_path_factory.mktemp("reader"), f"{server.url}/v1", found[1])


def linked(output: str) -> pictures.Look:
    """The picture behind the url of a printed answer."""
    url = json.loads(output)["data"][0]["url"]
    answer = httpx2.get(url)
    assert answer.headers["content-type"] == "image/png"
    return pictures.look(answer.content)


def test_every_block_is_an_example_or_says_that_it_is_not_run() -> None:
    before = [match["before"] for match in ANY_BLOCK.finditer(README.read_text())]
    assert [line for line in before if not line.startswith(("<!-- example: ", "<!-- not run -->"))] == []
    assert [example.name for example in examples()] == list(MADE)


def test_the_line_that_the_server_prints(server: ServerProcess, reader: Reader) -> None:
    (line,) = re.findall(r"^curl (?:.*\\\n)*.*$", server.output(), re.MULTILINE)
    assert linked(reader.shell(line)).size == (1024, 1024)


@pytest.mark.parametrize("name", MADE)
def test_an_example(reader: Reader, name: str) -> None:
    if name.startswith("node-"):
        need_node()
    said = reader.said(name)
    for file in MADE[name]:
        assert pictures.look((reader.folder / file).read_bytes()).format == "png"
    check = {"curl-generate": (1024, 1024), "curl-edit": (1536, 1024), "curl-edit-url": (1024, 1024)}.get(name)
    if check:
        assert linked(said).size == check


def test_what_streams_print(reader: Reader) -> None:
    said = reader.said("curl-stream")
    assert said.count("event: image_generation.partial_image") == 2
    assert said.count("event: image_generation.completed") == 1
    assert re.search(r"^x-request-id: req_\w+", said, re.MULTILINE)
    assert reader.said("python-stream").split()[-2:] == ["image_generation.completed", "finished.png"]


def test_nothing_else_is_left_in_the_folder(reader: Reader) -> None:
    reader.said("python-stream")
    assert {path.name for path in reader.folder.glob("*.png")} <= set().union(*MADE.values())
