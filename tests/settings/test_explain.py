from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from imagegate.settings.explain import explain
from tests.settings.samples import CHANNEL, VendorOptions, complaints


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sever: {port: 1}", '5:1 sever: unknown key "sever", did you mean "server"?'),
        ("port: 1", '5:1 port: unknown key "port", did you mean "server.port"?'),
        (
            "zzzz: 1",
            '5:1 zzzz: unknown key "zzzz"; known here: server, storage, auth, channels, aliases, defaults, routing, relay, '
            "fetch, uploads, convert, errors, log",
        ),
        ("server: {prot: 1}", '5:10 server.prot: unknown key "prot", did you mean "port"?'),
        ("server: {Port: 1}", '5:10 server.Port: unknown key "Port", did you mean "port"?'),
        ("server: {port: abc}", '5:16 server.port: must be a whole number, not "abc"'),
        ("server: {port: 80.5}", "5:16 server.port: must be a whole number, not 80.5"),
        ("server: {port: }", "5:15 server.port: must be a whole number, not nothing"),
        ("server: {port: [80]}", "5:16 server.port: must be a whole number, not a list"),
        ("server: {port: 70000}", "5:16 server.port: must be at most 65535, not 70000"),
        ("server: {port: -1}", "5:16 server.port: must be at least 0, not -1"),
        ("server: {drain_seconds: 0}", "5:25 server.drain_seconds: must be greater than 0, not 0"),
        ("server: {drain_seconds: soon}", '5:25 server.drain_seconds: must be a number, not "soon"'),
        ("server: {host: 5}", "5:16 server.host: must be text, not a number; put it in quotes"),
        ("server: {host: on}", "5:16 server.host: must be text, not true or false; put it in quotes"),
        ("server: {host: [a]}", "5:16 server.host: must be text, not a list"),
        ("server: 8080", "5:9 server: must be a mapping (name: value), not a number"),
        ("aliases: [a, b]", "5:10 aliases: must be a mapping (name: value), not a list"),
        ("fetch: {ports: 443}", "5:16 fetch.ports: must be a list, not a number"),
        ("uploads: {sniff: maybe}", '5:18 uploads.sniff: must be true or false, not "maybe"'),
        ("log: {level: warn}", '5:14 log.level: must be debug, info, warning or error, not "warn", did you mean "warning"?'),
        ("errors: {content_policy_status: 451}", "5:33 errors.content_policy_status: must be 400 or 403, not 451"),
        (
            "auth: {keys: [{name: a, key: tooshort}]}",
            "5:30 auth.keys[0].key: a key needs at least 16 characters; make one with `openssl rand -hex 24`",
        ),
        ("auth: {keys: [{name: a}]}", "5:15 auth.keys[0].key: is required, but missing"),
        ("auth: {keys: [{name: a, kye: 0123456789abcdef}]}", '5:25 auth.keys[0].kye: unknown key "kye", did you mean "key"?'),
        (
            "auth: {keys: [{name: a, key: 1234567890123456789}]}",
            "5:30 auth.keys[0].key: must be text, not a number; put it in quotes",
        ),
    ],
)
def test_each_typical_mistake_is_one_plain_line(tmp_path: Path, text: str, line: str) -> None:
    assert complaints(tmp_path, f"{CHANNEL.strip()}\n{text}\n") == [f"config.yaml:{line}"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "- {name: a b, adapter: sandbox, models: [m]}",
            ["2:10 channels[0].name: is not allowed as it is written; it must match"],
        ),
        ("- {name: a, adapter: sandbox}", ["2:3 channels[0].models: is required, but missing"]),
        ("- {name: a, adapter: sandbox, models: m}", ["2:39 channels[0].models: must be a mapping (name: value), not text"]),
        (
            "- {name: a, adapter: sandbox, models: {m: 5}}",
            ["2:43 channels[0].models.m: must be a mapping (name: value), not a number"],
        ),
        ("- {name: a, adapter: sandbox, models: [m], keys: sk}", ["2:50 channels[0].keys: must be a list, not text"]),
        ("- a", ["2:3 channels[0]: must be a mapping (name: value), not text"]),
    ],
)
def test_channels(tmp_path: Path, text: str, lines: list[str]) -> None:
    found = complaints(tmp_path, f"channels:\n{text}\n")
    assert len(found) == len(lines)
    assert all(line.startswith(f"config.yaml:{expected}") for line, expected in zip(found, lines, strict=True))


def test_values_from_variables_are_never_quoted(tmp_path: Path) -> None:
    text = "server: {port: '${TOKEN}'}\nlog: {level: '${TOKEN}'}\nuploads: {max_images: '${MANY}'}\n"
    assert complaints(tmp_path, CHANNEL + text, {"TOKEN": "sk-secret", "MANY": "77"}) == [
        "config.yaml:5:16 server.port: must be a whole number",
        "config.yaml:6:14 log.level: must be debug, info, warning or error",
        "config.yaml:7:23 uploads.max_images: must be at most 64",
    ]


def test_long_values_are_not_quoted(tmp_path: Path) -> None:
    lines = complaints(tmp_path, CHANNEL + f"log: {{level: {'x' * 100}}}\n")
    assert lines == ["config.yaml:5:14 log.level: must be debug, info, warning or error, not a long text"]


def test_options_are_explained_below_their_path_and_not_quoted() -> None:
    with pytest.raises(ValidationError) as caught:
        VendorOptions.model_validate({"regio": "eu", "passes": "secret", "region": "secret"})
    findings = explain(caught.value, VendorOptions, ("channels", 0, "options"))
    assert [(finding.path[3:], finding.message) for finding in findings] == [
        (("region",), "must be eu or us"),
        (("passes",), "must be a whole number"),
        (("regio",), 'unknown key "regio", did you mean "region"?'),
    ]
