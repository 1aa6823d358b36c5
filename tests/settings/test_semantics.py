from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from imagegate.settings.model import Settings
from imagegate.settings.problems import dotted
from imagegate.settings.semantics import check_semantics, is_loopback
from tests.settings.samples import ADAPTERS, complaints

GOOD = {"name": "main", "adapter": "sandbox", "models": {"m": {}}}


def findings(*channels: Mapping[str, object], **sections: object) -> list[str]:
    settings = Settings.model_validate({"channels": channels or [GOOD], **sections})
    return [f"{dotted(finding.path)}: {finding.message}" for finding in check_semantics(settings, ADAPTERS)]


def test_good_settings_have_no_findings() -> None:
    vendor = {
        "name": "v",
        "adapter": "vendor",
        "base_url": "http://[::1]:9/x",
        "models": {"m": {}},
        "options": {"region": "us"},
        "headers": {"x-team": "a b"},
        "keys": ["k1", "k2"],
    }
    openai = {"name": "o", "adapter": "openai", "models": {"m": {}}, "keys": ["k1"]}
    assert findings(vendor, openai, server={"public_url": "https://a.example"}, fetch={"allow": ["a:1", "[::1]:443"]}) == []


def test_no_channel_at_all() -> None:
    message = "channels: needs at least one channel; config.example.yaml has one that works without an account"
    assert [f"{dotted(finding.path)}: {finding.message}" for finding in check_semantics(Settings(), ADAPTERS)] == [message]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"adapter": "opena"}, 'adapter: unknown adapter "opena", did you mean "openai"?'),
        ({"adapter": "zzz"}, 'adapter: unknown adapter "zzz"; there are: openai, vendor, sandbox'),
        ({"adapter": "vendor"}, 'base_url: is required by adapter "vendor", but missing'),
        ({"adapter": "openai"}, 'keys: adapter "openai" needs at least one key'),
        ({"models": {}}, "models: needs at least one model"),
        ({"keys": [""]}, "keys[0]: is empty"),
        ({"keys": ["a b"]}, "keys[0]: holds a space, a line break or a character that is not ASCII"),
        ({"keys": ["key", "key"]}, "keys[1]: the same key stands here twice"),
        (
            {"headers": {"x": "a\r\nb: c"}},
            "headers.x: is no HTTP header: a name without spaces, and a value of printable ASCII",
        ),
        ({"options": {"a": 1}}, 'options.a: unknown key "a"'),
    ],
)
def test_one_channel(change: dict[str, object], line: str) -> None:
    assert findings({**GOOD, **change}) == [f"channels[0].{line}"]


@pytest.mark.parametrize(
    "url",
    [
        "api.example.com",
        "ftp://a/",
        "https://",
        "https://a:b/",
        "https://a:0",
        "https://a?x=1",
        "https://a#",
        "https://a b",
        "https://[x",
    ],
)
def test_urls_that_are_none(url: str) -> None:
    message = 'must be an http or https URL without a query, such as "https://api.example.com/v1"'
    assert findings({**GOOD, "base_url": url}) == [f"channels[0].base_url: {message}"]
    message = 'must be an http or https URL, such as "https://images.example.com"'
    assert findings(server={"public_url": url}) == [f"server.public_url: {message}"]


def test_names_and_keys_are_used_once() -> None:
    key = {"name": "dev", "key": "0123456789abcdef"}
    assert findings(GOOD, {**GOOD, "name": "b"}, GOOD, auth={"keys": [key, key, {"name": "x", "key": "0123456789 abcdef"}]}) == [
        'auth.keys[1].name: another key is called "dev" already',
        "auth.keys[1].key: the same key stands here twice",
        "auth.keys[2].key: holds a space, a line break or a character that is not ASCII",
        'channels[2].name: another channel is called "main" already',
    ]


def test_private_hosts_need_a_port() -> None:
    message = 'must be host:port, such as "media.internal:9000"'
    assert findings(fetch={"allow": ["ok:1", "media.internal", "http://a:1", "a:port"]}) == [
        f"fetch.allow[{index}]: {message}" for index in (1, 2, 3)
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_open_servers_are_for_this_machine(host: str) -> None:
    assert is_loopback(host)
    assert findings(server={"host": host}, auth={"required": False}) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.0.1", "example.com", "localhost.example.com"])
def test_open_servers_are_not_for_others(host: str) -> None:
    assert not is_loopback(host)
    assert findings(server={"host": host}, auth={"required": False}) == [
        f'auth.required: false lets everybody in, and server.host "{host}" is not a loopback address; '
        "require keys, or listen on 127.0.0.1"
    ]
    assert findings(server={"host": host}) == []


def test_findings_are_printed_with_their_places(tmp_path: Path) -> None:
    text = """
    server: {host: 0.0.0.0}
    auth:
      required: false
    channels:
      - name: one
        adapter: opena
        models: [a]
      - name: one
        adapter: vendor
        models: [b]
        options:
          regoin: eu
      - name: two
        adapter: openai
        models: [c]
    aliases:
      x: y
    """
    assert complaints(tmp_path, text) == [
        'config.yaml:3:13 auth.required: false lets everybody in, and server.host "0.0.0.0" is not a loopback address; '
        "require keys, or listen on 127.0.0.1",
        'config.yaml:6:14 channels[0].adapter: unknown adapter "opena", did you mean "openai"?',
        'config.yaml:8:5 channels[1].base_url: is required by adapter "vendor", but missing',
        'config.yaml:8:11 channels[1].name: another channel is called "one" already',
        'config.yaml:12:7 channels[1].options.regoin: unknown key "regoin", did you mean "region"?',
        'config.yaml:13:5 channels[2].keys: adapter "openai" needs at least one key',
        'config.yaml:17:6 aliases.x: no channel serves model "y"',
    ]
