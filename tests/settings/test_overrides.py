from __future__ import annotations

from pathlib import Path

import pytest

from imagegate.settings.document import Document
from imagegate.settings.overrides import apply_overrides
from imagegate.settings.yamlfile import parse_document
from tests.settings.samples import CHANNEL, complaints, load

FILE = """
server: {port: 1}
channels:
  - {name: a, models: {gpt-Image-2: {}}, keys: [x]}
aliases: {dall-e-3: gpt-Image-2}
"""


def overridden(**environ: str) -> Document:
    document = parse_document(FILE, "c.yaml")
    apply_overrides(document, {f"IMAGEGATE__{name}": value for name, value in environ.items()})
    return document


def test_values_are_written_over_the_file() -> None:
    data = overridden(SERVER__PORT="9000", LOG__LEVEL="debug", CHANNELS__0__PRIORITY="5").data
    assert data["server"] == {"port": "9000"}
    assert data["log"] == {"level": "debug"}
    assert data["channels"][0]["priority"] == "5"


def test_letter_case_does_not_count() -> None:
    document = parse_document(FILE, "c.yaml")
    apply_overrides(document, {"imagegate__Server__pORT": "3"})
    assert document.data["server"] == {"port": "3"}


def test_keys_of_mappings_are_met_as_they_are_written() -> None:
    data = overridden(**{"CHANNELS__0__MODELS__GPT-IMAGE-2__UPSTREAM": "x", "ALIASES__NEW": "y"}).data
    assert data["channels"][0]["models"] == {"gpt-Image-2": {"upstream": "x"}}
    assert data["aliases"] == {"dall-e-3": "gpt-Image-2", "new": "y"}


def test_lists_and_mappings_are_json_and_replace() -> None:
    data = overridden(FETCH__PORTS="[443]", ALIASES='{"a": "b"}', CHANNELS__0__KEYS='["k1", "k2"]').data
    assert data["fetch"] == {"ports": [443]}
    assert data["aliases"] == {"a": "b"}
    assert data["channels"][0]["keys"] == ["k1", "k2"]


def test_shorter_paths_come_first_and_items_can_be_added_in_order() -> None:
    data = overridden(
        CHANNELS__1__NAME="b", CHANNELS__1__MODELS='["m"]', CHANNELS__1__KEYS__0="k", SERVER__HOST="h", SERVER='{"port": 2}'
    ).data
    assert data["channels"][1] == {"name": "b", "models": ["m"], "keys": ["k"]}
    assert data["server"] == {"port": 2, "host": "h"}


def test_free_mappings_take_json_or_text() -> None:
    options = overridden(CHANNELS__0__OPTIONS__N="3", CHANNELS__0__OPTIONS__NAME="x y", CHANNELS__0__OPTIONS__DEEP__A="[1]").data
    assert options["channels"][0]["options"] == {"n": 3, "name": "x y", "deep": {"a": [1]}}


def test_lists_in_free_mappings_have_indexes() -> None:
    document = parse_document("channels: [{options: {tags: [a, b]}}]\n", "c.yaml")
    apply_overrides(document, {"IMAGEGATE__CHANNELS__0__OPTIONS__TAGS__1": "c", "IMAGEGATE__CHANNELS__0__OPTIONS__TAGS__2": "d"})
    assert document.data["channels"][0]["options"] == {"tags": ["a", "c", "d"]}


def test_null_empties_only_what_may_be_empty() -> None:
    data = overridden(SERVER__PUBLIC_URL="null", SERVER__HOST="null").data
    assert data["server"] == {"port": 1, "public_url": None, "host": "null"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SERVER__PRT", "1", "unknown setting, did you mean IMAGEGATE__SERVER__PORT?"),
        ("SEVER__PORT", "1", "unknown setting, did you mean IMAGEGATE__SERVER__PORT?"),
        ("CHANNELS__0__TIMEOUT__TOTL", "1", "unknown setting, did you mean IMAGEGATE__CHANNELS__0__TIMEOUT__TOTAL?"),
        ("DEFAULTS__QQQ", "1", "unknown setting; known here: model"),
        ("CHANNELS__NAME", "1", 'unknown setting; IMAGEGATE__CHANNELS is a list, so "NAME" must be a number from 0'),
        ("CHANNELS__2__NAME", "1", "there is no item 2; the next free one is IMAGEGATE__CHANNELS__1__NAME"),
        ("SERVER__PORT__X", "1", "unknown setting; IMAGEGATE__SERVER__PORT has nothing below it"),
        ("ALIASES__", "1", "unknown setting; IMAGEGATE__ALIASES needs the name of an entry"),
        ("FETCH__PORTS", "443,80", 'must be JSON, such as ["a", "b"]'),
        ("ALIASES", "a=b", 'must be JSON, such as {"name": "value"}'),
    ],
)
def test_mistakes_name_the_variable_and_what_is_near(name: str, value: str, message: str) -> None:
    document = overridden(**{name: value})
    assert [str(problem) for problem in document.problems] == [f"IMAGEGATE__{name}: {message}"]
    assert document.data == parse_document(FILE, "c.yaml").data


def test_a_bad_value_is_reported_under_its_variable_and_not_quoted(tmp_path: Path) -> None:
    assert complaints(tmp_path, CHANNEL, {"IMAGEGATE__SERVER__PORT": "sk-secret"}) == [
        "IMAGEGATE__SERVER__PORT server.port: must be a whole number"
    ]


def test_text_becomes_the_type_of_the_setting(tmp_path: Path) -> None:
    environ = {
        "IMAGEGATE__SERVER__PORT": "9000",
        "IMAGEGATE__SERVER__DRAIN_SECONDS": "1.5",
        "IMAGEGATE__UPLOADS__SNIFF": "false",
        "IMAGEGATE__ERRORS__CONTENT_POLICY_STATUS": "400",
        "IMAGEGATE__CHANNELS__0__MODELS": '["a", "b"]',
        "IMAGEGATE__CHANNELS__0__HEADERS": '{"x-team": "${NOT_A_REFERENCE}"}',
    }
    settings = load(tmp_path, CHANNEL, environ)
    assert (settings.server.port, settings.server.drain_seconds) == (9000, 1.5)
    assert not settings.uploads.sniff
    assert settings.errors.content_policy_status == 400
    assert list(settings.channels[0].models) == ["a", "b"]
    assert settings.channels[0].headers == {"x-team": "${NOT_A_REFERENCE}"}


def test_an_override_stands_in_for_a_missing_variable(tmp_path: Path) -> None:
    assert load(tmp_path, CHANNEL + "server: {port: '${PORT}'}\n", {"IMAGEGATE__SERVER__PORT": "5"}).server.port == 5
