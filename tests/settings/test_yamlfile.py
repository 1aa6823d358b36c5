from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from imagegate.settings.document import Document
from imagegate.settings.problems import ConfigError, Place
from imagegate.settings.yamlfile import parse_document, read_document


def parsed(text: str) -> Document:
    return parse_document(dedent(text).lstrip("\n"), "c.yaml")


def fatal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    return str(caught.value)


def found(text: str) -> list[str]:
    return [str(problem) for problem in parsed(text).problems]


def test_positions_of_keys_and_values_count_from_one() -> None:
    document = parsed(
        """
        server:
          port: 80
        channels:
          - name: a
            keys: ["x", "y"]
        """
    )
    assert document.data == {"server": {"port": 80}, "channels": [{"name": "a", "keys": ["x", "y"]}]}
    assert document.keys["server", "port"] == Place("c.yaml", 2, 3)
    assert document.values["server", "port"] == Place("c.yaml", 2, 9)
    assert document.values["channels", 0] == Place("c.yaml", 4, 5)
    assert document.values["channels", 0, "keys", 1] == Place("c.yaml", 5, 17)


def test_keys_and_dates_stay_text() -> None:
    assert parsed("{2.0: a, on: b, null: c, day: 2026-01-02}").data == {"2.0": "a", "on": "b", "null": "c", "day": "2026-01-02"}
    assert parsed("sign: =").data == {"sign": "="}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_file_is_empty_settings(text: str) -> None:
    assert parsed(text).data == {}


def test_duplicate_keys_are_named_with_both_places() -> None:
    assert found("server:\n  port: 1\n  host: x\n  port: 2\n") == [
        'c.yaml:4:3 server.port: duplicate key "port", already in line 2'
    ]


def test_duplicates_are_found_in_every_mapping() -> None:
    assert sorted(found("a: {x: 1, x: 2}\nb:\n  - {y: 1, 'y': 2}\na: 3\n")) == [
        'c.yaml:1:11 a.x: duplicate key "x", already in line 1',
        'c.yaml:3:12 b[0].y: duplicate key "y", already in line 3',
        'c.yaml:4:1 a: duplicate key "a", already in line 1',
    ]


def test_anchors_and_merges_keep_the_place_of_what_was_written() -> None:
    document = parsed(
        """
        base: &base {a: 1, b: 2}
        more: &more {b: 5, c: 6}
        one: {<<: *base, b: 3}
        two: {<<: [*base, *more]}
        """
    )
    assert document.data["one"] == {"a": 1, "b": 3}
    assert document.data["two"] == {"a": 1, "b": 2, "c": 6}
    assert document.values["one", "a"] == Place("c.yaml", 1, 17)
    assert document.problems == []


def test_an_anchor_that_holds_itself() -> None:
    assert found("a: &a [1, *a]\n") == ["c.yaml:1:4 a[1]: an anchor may not hold itself"]
    assert found("a: &a\n  <<: *a\n") == ["c.yaml:1:4 a: << takes another mapping, such as *name"]
    assert found("a: {<<: 5}\n") == ["c.yaml:1:9 a: << takes another mapping, such as *name"]


def test_anchors_cannot_blow_up_memory() -> None:
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert "holds more than 100000 values" in fatal("\n".join(levels))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1, 2\nb: 3\n", "c.yaml:2:2: not valid YAML: expected ',' or ']', but got ':'"),
        (
            "a:\n\tb: 1\n",
            "c.yaml:2:1: not valid YAML: found character '\\t' that cannot start any token; "
            "indent with spaces, and put text that starts with a special character in quotes",
        ),
        (
            "a: b: c\n",
            "c.yaml:1:5: not valid YAML: mapping values are not allowed here; "
            "look at the indentation, or put text that holds a colon in quotes",
        ),
        (
            "models: [*]\n",
            "c.yaml:1:11: not valid YAML: expected alphabetic or numeric character, but found ']'; "
            'put a name that starts with * or & in quotes, such as "*"',
        ),
        ("a: *x\n", "c.yaml:1:4: not valid YAML: found undefined alias 'x'"),
        (
            "keys: [${NAME}]\n",
            "c.yaml:1:9: not valid YAML: expected ',' or ']', but got '{'; inside { } and [ ], put \"${NAME}\" in quotes",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "c.yaml:2:1: not valid YAML: but found another document; keep everything in one document, without a second ---",
        ),
        ("- a\n- b\n", "c.yaml:1:1: must be a mapping (server: …, channels: …)"),
        ("a: 1\nb: \x01\n", "c.yaml:2:4: holds a character that is not allowed in YAML"),
        ("a: " + "[" * 5000, "c.yaml: is nested too deeply"),
    ],
)
def test_syntax_errors_have_a_place_and_a_hint(text: str, line: str) -> None:
    assert fatal(text) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: !!python/object/apply:os.system [echo]\n", 'a: unknown tag "tag:yaml.org,2002:python/object/apply:os.system"'),
        ("a: !!set {x}\n", 'a: unknown tag "tag:yaml.org,2002:set"'),
        ("a: !env NAME\n", 'a: cannot be read as "!env"; put it in quotes if it is text'),
        ("a: 0b_\n", 'a: cannot be read as "int"; put it in quotes if it is text'),
        (f"a: {'9' * 5000}\n", 'a: cannot be read as "int"; put it in quotes if it is text'),
    ],
)
def test_only_plain_yaml_is_read(text: str, line: str) -> None:
    assert found(text) == [f"c.yaml:1:4 {line}"]


def test_a_key_is_plain_text() -> None:
    assert found("? [a, b]\n: 1\n") == ["c.yaml:1:3: a key must be plain text"]


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"a: 1\nb: \xff\n", "c.yaml:2:4: is not UTF-8 text"),
        (b"#" * (4 * 1024**2 + 1), "c.yaml: is larger than 4 MiB"),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, raw: bytes, line: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        read_document(path)
    assert str(caught.value) == f"{tmp_path}/{line}"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in [(tmp_path / "none.yaml", "no such file or directory"), (tmp_path, "is a directory")]:
        with pytest.raises(ConfigError) as caught:
            read_document(path)
        assert str(caught.value) == f"{path}: cannot be read: {reason}"


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_document(path).data == {"a": 1}
