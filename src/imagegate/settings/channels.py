"""Channel settings as the channels that routing and adapters use."""

from __future__ import annotations

from collections.abc import Mapping

from imagegate.domain.channels import Channel, ModelRoute, Secret, Timeouts
from imagegate.settings.model import ChannelSettings, Settings
from imagegate.settings.semantics import AdapterFacts


def to_channels(settings: Settings, adapters: Mapping[str, AdapterFacts]) -> tuple[Channel, ...]:
    """The channels in the order of the file. The settings have passed ``check_semantics`` with the same facts.

    A model without ``upstream`` keeps its public name; for a glob that is the glob, so the caller's own name is meant.
    """
    return tuple(_channel(channel, adapters[channel.adapter]) for channel in settings.channels)


def _channel(channel: ChannelSettings, facts: AdapterFacts) -> Channel:
    return Channel(
        name=channel.name,
        adapter=channel.adapter,
        base_url=(channel.base_url or facts.default_base_url or "").rstrip("/"),
        keys=tuple(Secret(key.get_secret_value()) for key in channel.keys),
        models={
            name: ModelRoute(model.upstream or name, dict(model.defaults), dict(model.overrides))
            for name, model in channel.models.items()
        },
        priority=channel.priority,
        weight=channel.weight,
        timeouts=Timeouts(**channel.timeout.model_dump()),
        headers=dict(channel.headers),
        overrides=dict(channel.overrides),
        options=facts.options.model_validate(channel.options),
    )
