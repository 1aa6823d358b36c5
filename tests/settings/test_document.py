from __future__ import annotations

import pytest

from imagegate.settings.document import Document
from imagegate.settings.problems import ConfigError, Finding, Place
from imagegate.settings.yamlfile import parse_document


def sample() -> Document:
    return parse_document("server:\n  port: 1\nchannels:\n  - name: a\n", "c.yaml")


def printed(document: Document) -> list[str]:
    return [str(problem) for problem in document.problems]


def test_findings_point_at_key_value_or_the_nearest_thing_above() -> None:
    document = sample()
    document.report(
        [
            Finding(("server", "port"), "value"),
            Finding(("server", "port"), "key", at_key=True),
            Finding(("channels", 0, "models"), "missing"),
            Finding(("aliases",), "nowhere"),
        ]
    )
    assert printed(document) == [
        "c.yaml:2:9 server.port: value",
        "c.yaml:2:3 server.port: key",
        "c.yaml:4:5 channels[0].models: missing",
        "c.yaml:1:1 aliases: nowhere",
    ]


def test_a_later_step_does_not_complain_again_about_the_same_value() -> None:
    document = sample()
    document.report([Finding(("channels", 0), "broken", instead=("channels", 0, "x"))])
    document.report([Finding(("channels", 0, "name"), "too"), Finding(("channels",), "other")])
    assert printed(document) == ["c.yaml:4:5 channels[0]: broken", "c.yaml:4:3 channels: other"]


def test_what_stands_under_another_name_is_not_missing() -> None:
    document = sample()
    document.report([Finding(("sever",), "unknown", at_key=True, instead=("server",))])
    document.report([Finding(("server",), "missing", missing=True), Finding(("server", "port"), "bad")])
    assert printed(document) == ["c.yaml:1:1 sever: unknown", "c.yaml:2:9 server.port: bad"]


def test_put_replaces_the_value_its_places_and_makes_the_way() -> None:
    document = sample()
    document.put(("server",), {"host": "x"}, Place("VAR"))
    document.put(("channels", 1, "keys", 0), "secret", Place("KEY"))
    assert document.data == {"server": {"host": "x"}, "channels": [{"name": "a"}, {"keys": ["secret"]}]}
    document.report([Finding(("server", "port"), "wrong"), Finding(("channels", 1, "keys", 0), "wrong")])
    assert printed(document) == ["VAR server.port: wrong", "KEY channels[1].keys[0]: wrong"]
    assert document.is_veiled(("server", "host"))
    assert not document.is_veiled(("channels", 0, "name"))


def test_put_replaces_a_scalar_that_stands_in_the_way() -> None:
    document = parse_document("server: 5\nchannels: text\n", "c.yaml")
    document.put(("server", "port"), "1", Place("A"))
    document.put(("channels", 0), {}, Place("B"))
    assert document.data == {"server": {"port": "1"}, "channels": [{}]}


def test_it_stops_only_when_something_is_wrong() -> None:
    document = sample()
    document.stop_if_wrong()
    document.report([Finding(("server",), "wrong")])
    with pytest.raises(ConfigError, match="server: wrong"):
        document.stop_if_wrong()


def test_values_are_not_in_its_repr() -> None:
    assert "hidden" not in repr(parse_document("a: hidden\n", "c.yaml"))
