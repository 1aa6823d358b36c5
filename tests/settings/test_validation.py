from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.settings.document import Document
from imagegate.settings.loader import load_settings
from imagegate.settings.problems import ConfigError, KeyPath, Place
from imagegate.settings.validation import settle
from imagegate.settings.yamlfile import parse_document
from tests.settings.samples import ADAPTERS, CHANNEL, EXAMPLE, complaints, load, written


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = """
    sever: {}
    server:
      port: 8080
      port: 9090
      drain_seconds: -1
    channels:
      - name: a
        adapter: opena
        modles: [x]
      - name: a
        adapter: vendor
        base_url: "${VENDOR_URL}"
        weight: 0
        models: [x]
      - just text
      - name: b
        adapter: sandbox
        models: [y]
        headers: {"bad name": x}
    auth:
      keys:
        - {name: k, key: short}
    """
    environ = {"IMAGEGATE__LOG__LEVL": "info", "IMAGEGATE__CHANNELS__3__WEIGHT": "many"}
    assert complaints(tmp_path, text, environ) == [
        'config.yaml:1:1 sever: unknown key "sever", did you mean "server"?',
        'config.yaml:4:3 server.port: duplicate key "port", already in line 3',
        "config.yaml:5:18 server.drain_seconds: must be greater than 0, not -1",
        'config.yaml:8:14 channels[0].adapter: unknown adapter "opena", did you mean "openai"?',
        'config.yaml:9:5 channels[0].modles: unknown key "modles", did you mean "models"?',
        'config.yaml:10:11 channels[1].name: another channel is called "a" already',
        "config.yaml:12:15 channels[1].base_url: environment variable VENDOR_URL is not set",
        "config.yaml:13:13 channels[1].weight: must be at least 1, not 0",
        "config.yaml:15:5 channels[2]: must be a mapping (name: value), not text",
        'config.yaml:19:27 channels[3].headers["bad name"]: is no HTTP header: a name without spaces, '
        "and a value of printable ASCII",
        "config.yaml:22:22 auth.keys[0].key: a key needs at least 16 characters; make one with `openssl rand -hex 24`",
        "IMAGEGATE__CHANNELS__3__WEIGHT channels[3].weight: must be a whole number",
        "IMAGEGATE__LOG__LEVL: unknown setting, did you mean IMAGEGATE__LOG__LEVEL?",
    ]


@pytest.mark.parametrize(
    "broken",
    ["channels: 5", "channels:", "channels: [{}]", "channels: [[]]", "auth: []", "auth: {keys: {}}", "aliases: {a: [1]}"],
)
def test_any_shape_gives_problems_and_never_a_crash(tmp_path: Path, broken: str) -> None:
    lines = complaints(tmp_path, broken + "\n")
    assert lines
    assert all(line.startswith("config.yaml:1:") for line in lines)


_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 90000), st.floats(), st.text(max_size=8), st.just("${MISSING}"))
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2)
)
_PLACES = [path for path in parse_document(EXAMPLE.read_text(), "c.yaml").values if path]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_PLACES), _VALUES), min_size=1, max_size=3))
def test_no_broken_file_gives_anything_but_problems(changes: list[tuple[KeyPath, Any]]) -> None:
    document = parse_document(EXAMPLE.read_text(), "c.yaml")
    for path, value in changes:
        document.put(path, value, Place("c.yaml", 1, 1))
    document.veiled.clear()
    try:
        settle(document, {}, ADAPTERS)
    except ConfigError as error:
        assert len(str(error).splitlines()) == len(error.problems)


def test_names_are_not_judged_while_channels_are_broken(tmp_path: Path) -> None:
    text = "channels: [{name: a, adapter: sandbox, models: 5}]\naliases: {x: y}\n"
    assert complaints(tmp_path, text) == ["config.yaml:1:48 channels[0].models: must be a mapping (name: value), not a number"]
    assert complaints(tmp_path, CHANNEL + "server: {prot: 1}\naliases: {x: y}\n") == [
        'config.yaml:5:10 server.prot: unknown key "prot", did you mean "port"?'
    ]


def test_without_adapters_only_single_fields_are_checked(tmp_path: Path) -> None:
    path = written(tmp_path, "channels: [{name: a, adapter: opena, models: [m]}]\nauth: {required: false}\n")
    assert load_settings(path, {}).channels[0].adapter == "opena"
    path = written(tmp_path, "channels: [{name: a, adapter: opena, models: [m], weight: 0}]\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    assert len(caught.value.problems) == 1


def test_numbers_and_truth_values_may_come_from_variables(tmp_path: Path) -> None:
    text = "server: {port: '${PORT}', drain_seconds: '${DRAIN:-2.5}'}\nuploads: {sniff: os.environ/SNIFF}\n"
    loaded = load(tmp_path, CHANNEL + text + "fetch: {ports: ['${PORT}']}\n", {"PORT": "81", "SNIFF": "no"})
    assert (loaded.server.port, loaded.server.drain_seconds, loaded.uploads.sniff) == (81, 2.5, False)
    assert loaded.fetch.ports == (81,)


def test_what_follows_from_the_rest_is_filled_in_before_the_checks() -> None:
    document = Document("made", {"channels": [{"name": "a", "adapter": "x", "models": ["m"]}]})
    settled = settle(document, {}, complete=lambda made: made.model_copy(update={"aliases": {"n": "m"}}))
    assert settled.aliases == {"n": "m"}
