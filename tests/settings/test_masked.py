from __future__ import annotations

from pathlib import Path

import yaml

from imagegate.settings.masked import masked
from tests.settings.samples import ADAPTERS, load

FILE = """
auth: {keys: [{name: dev, key: SECRET-0123456789}]}
channels:
  - name: v
    adapter: vendor
    base_url: https://user:SECRET@vendor.example/api
    keys: [SECRET-a, SECRET-b]
    models:
      m: {defaults: {quality: low, api_key: SECRET-d}, overrides: {token: ""}}
    headers: {authorization: Bearer SECRET, x-team: SECRET}
    overrides: {signing-secret: SECRET-c, nested: {deep: [{password: SECRET-e}]}, max_tokens: 5, key: 7}
    options: {signing_secret: SECRET-f}
"""


def test_no_secret_is_shown(tmp_path: Path) -> None:
    data = masked(load(tmp_path, FILE), ADAPTERS)
    assert "SECRET" not in yaml.safe_dump(data)
    assert data["auth"]["keys"] == [{"name": "dev", "key": "***", "models": ["*"], "default_model": None}]
    (channel,) = data["channels"]
    assert channel["base_url"] == "https://***@vendor.example/api"
    assert channel["keys"] == ["***", "***"]
    assert channel["headers"] == {"authorization": "***", "x-team": "***"}
    assert channel["models"]["m"] == {
        "upstream": None,
        "defaults": {"quality": "low", "api_key": "***"},
        "overrides": {"token": ""},
    }
    assert channel["overrides"] == {"signing-secret": "***", "nested": {"deep": [{"password": "***"}]}, "max_tokens": 5, "key": 7}
    assert channel["options"] == {"region": "eu", "passes": 1, "signing_secret": "***"}


def test_everything_else_is_there_as_plain_data(tmp_path: Path) -> None:
    settings = load(tmp_path, FILE)
    data = masked(settings, ADAPTERS)
    assert list(data) == list(type(settings).model_fields)
    assert data["fetch"] == {"allow": [], "http": True, "ports": [80, 443], "max_bytes": 50 * 1024**2, "total_seconds": 20}
    assert data["server"]["public_url"] is None


def test_options_of_an_unknown_adapter_are_shown_as_written(tmp_path: Path) -> None:
    assert masked(load(tmp_path, FILE), {})["channels"][0]["options"] == {"signing_secret": "***"}
