from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imagegate.settings.interpolation import InterpolationError, escape, interpolate, interpolate_document, read_secret
from imagegate.settings.problems import Place
from imagegate.settings.yamlfile import parse_document

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
TEXT = st.text(max_size=40)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${A}", "one"),
        ("x${A}y${B}z", "xoneytwoz"),
        ("${A:-d}", "one"),
        ("${MISSING:-d}", "d"),
        ("${MISSING:-}", ""),
        ("${EMPTY:-d}", "d"),
        ("${A:?needed}", "one"),
        ("${MISSING:-${A}}", "one"),
        ("${MISSING:-${ALSO:-x$$y}z}", "x$yz"),
        ("${A:-${MISSING}}", "one"),
        ("${MISSING:-a:-b:?c}", "a:-b:?c"),
        ("$${A}", "${A}"),
        ("$$$${A}", "$${A}"),
        ("$$${A}", "$one"),
        ("$5, a $, $A", "$5, a $, $A"),
        ("}{", "}{"),
        ("os.environ/A", "one"),
        ("xos.environ/A", "xos.environ/A"),
        ("file://host/x", "file://host/x"),
        ("${REFERENCE}", "${A}"),
        ("${FILE}", "file:/etc/hostname"),
    ],
)
def test_references(text: str, value: str) -> None:
    environ = {"A": "one", "B": "two", "EMPTY": "", "REFERENCE": "${A}", "FILE": "file:/etc/hostname"}
    assert interpolate(text, environ) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${VENDOR_KEY}", "environment variable VENDOR_KEY is not set"),
        ("${OPENAI_APIKEY}", 'environment variable OPENAI_APIKEY is not set, did you mean "OPENAI_API_KEY"?'),
        ("${EMPTY}", "environment variable EMPTY is empty"),
        ("${NOPE:?ask the ops team}", "environment variable NOPE is not set: ask the ops team"),
        ("${NOPE:?}", "environment variable NOPE is not set"),
        ("os.environ/NOPE", "environment variable NOPE is not set"),
        ("os.environ/a-b", "write os.environ/NAME, with the name of one variable"),
        ("${A", "write ${NAME}, ${NAME:-default} or ${NAME:?message}; a literal ${ is written $${"),
        ("${1A}", "write ${NAME}, ${NAME:-default} or ${NAME:?message}; a literal ${ is written $${"),
        ("${A-b}", "write ${NAME}, ${NAME:-default} or ${NAME:?message}; a literal ${ is written $${"),
        ("${A:-b", "a ${ has no closing }; a literal ${ is written $${"),
        ("${A:-" * 30 + "}" * 30, "references are nested too deeply"),
        ("file:/no/such/file", "/no/such/file cannot be read: no such file or directory"),
        ("file:a\0b", "a\0b cannot be read: not a path"),
    ],
)
def test_references_that_cannot_be_followed(text: str, message: str) -> None:
    with pytest.raises(InterpolationError) as caught:
        interpolate(text, {"OPENAI_API_KEY": "sk", "EMPTY": ""})
    assert str(caught.value) == message


def test_files_are_read_and_stripped(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n  s3cret ${A}\n")
    for text in (f"file:{tmp_path}/secret", f"file://{tmp_path}/secret", "file:secret", "file:${NAME}"):
        assert interpolate(text, {"NAME": "secret"}, tmp_path) == "s3cret ${A}"


@pytest.mark.parametrize(
    ("raw", "message"),
    [(b" \n", "is empty"), (b"\xff\xfe", "is not UTF-8 text"), (b"x" * (64 * 1024 + 1), "is larger than 64 KiB")],
)
def test_files_that_hold_no_secret(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(raw)
    with pytest.raises(InterpolationError) as caught:
        read_secret(path)
    assert str(caught.value) == f"{path} {message}"


@given(TEXT)
def test_escaped_text_comes_back(text: str) -> None:
    assume(not text.startswith(("file:", "os.environ/")))
    assert interpolate(escape(text), {}) == text


@given(NAMES, st.text(min_size=1, max_size=40), TEXT, TEXT)
def test_a_variable_comes_back_as_it_is_between_any_text(name: str, value: str, before: str, after: str) -> None:
    assume(not before.startswith(("file:", "os.environ/")))
    assert interpolate(f"{escape(before)}${{{name}}}{escape(after)}", {name: value}) == before + value + after


@given(NAMES, TEXT)
def test_a_default_comes_back_unless_it_closes_the_reference(name: str, default: str) -> None:
    assume("}" not in default)
    assert interpolate(f"${{{name}:-{escape(default)}}}", {}) == default


@given(st.text(alphabet="${}:-?AB/", max_size=20))
def test_no_text_breaks_it(text: str) -> None:
    try:
        assert isinstance(interpolate(text, {"A": "1"}), str)
    except InterpolationError as error:
        assert str(error)


def test_only_values_are_replaced_and_never_the_structure() -> None:
    document = parse_document("a: ${X}\n${X}: [1, '${X}', {b: '-${X}-'}]\n", "c.yaml")
    interpolate_document(document, {"X": "{y: [1]}\nz: 2"})
    assert document.data == {"a": "{y: [1]}\nz: 2", "${X}": [1, "{y: [1]}\nz: 2", {"b": "-{y: [1]}\nz: 2-"}]}
    assert document.is_veiled(("a",))
    assert not document.is_veiled(("${X}", 0))


def test_a_choice_of_numbers_takes_text() -> None:
    document = parse_document("errors: {content_policy_status: '${STATUS}'}\n", "c.yaml")
    interpolate_document(document, {"STATUS": "400"})
    assert document.data == {"errors": {"content_policy_status": 400}}


def test_values_of_overrides_are_left_alone() -> None:
    document = parse_document("a: ${MISSING}\n", "c.yaml")
    document.put(("a",), "${ALSO_MISSING}", Place("VAR"))
    interpolate_document(document, {})
    assert document.data == {"a": "${ALSO_MISSING}"}
    assert document.problems == []


def test_every_missing_variable_is_reported_at_its_place() -> None:
    document = parse_document("a: ${ONE}\nb: [x, 'y${TWO}']\n", "c.yaml")
    interpolate_document(document, {})
    assert [str(problem) for problem in document.problems] == [
        "c.yaml:1:4 a: environment variable ONE is not set",
        "c.yaml:2:8 b[1]: environment variable TWO is not set",
    ]
