from __future__ import annotations

from pathlib import Path

from imagegate.domain.channels import ModelRoute, Secret, Timeouts
from imagegate.settings.channels import to_channels
from tests.settings.samples import ADAPTERS, VendorOptions, load


def test_everything_of_a_channel_arrives(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
        channels:
          - name: v
            adapter: vendor
            base_url: https://vendor.example/api//
            keys: ["${KEY}", other]
            models:
              plain:
              "flux-*": {}
              house: {upstream: gpt-image-2, defaults: {quality: medium}, overrides: {n: 1}}
            priority: 3
            weight: 2
            timeout: {connect: 1, first_byte: 3, idle: 4, total: 5}
            headers: {x-team: pictures}
            overrides: {moderation: low}
            options: {region: us, passes: "${PASSES}"}
        """,
        {"KEY": "sk-1", "PASSES": "4"},
    )
    (channel,) = to_channels(settings, ADAPTERS)
    assert (channel.name, channel.adapter, channel.base_url) == ("v", "vendor", "https://vendor.example/api")
    assert channel.keys == (Secret("sk-1"), Secret("other"))
    assert channel.models == {
        "plain": ModelRoute("plain"),
        "flux-*": ModelRoute("flux-*"),
        "house": ModelRoute("gpt-image-2", {"quality": "medium"}, {"n": 1}),
    }
    assert (channel.priority, channel.weight) == (3, 2)
    assert channel.timeouts == Timeouts(1, 3, 4, 5)
    assert (channel.headers, channel.overrides) == ({"x-team": "pictures"}, {"moderation": "low"})
    assert channel.options == VendorOptions(region="us", passes=4)
    assert "sk-1" not in repr(channel)


def test_defaults_of_adapter_and_channel(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
        channels:
          - {name: o, adapter: openai, keys: [k], models: [m]}
          - {name: s, adapter: sandbox, models: [m]}
        """,
    )
    openai, sandbox = to_channels(settings, ADAPTERS)
    assert openai.base_url == "https://api.openai.com/v1"
    assert sandbox.base_url == ""
    assert sandbox.keys == ()
    assert sandbox.timeouts == Timeouts()
