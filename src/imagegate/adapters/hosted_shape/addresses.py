"""Where a job is looked at: the address that the provider names, as long as it is the channel's own."""

from __future__ import annotations

from typing import Any

from imagegate.upstream.client import Upstream


def own(named: Any, path: str, upstream: Upstream) -> str:
    """``named`` if it is a url on the channel's origin, else ``path``; behind a proxy the provider names an origin of its own."""
    return named if isinstance(named, str) and upstream.owns(named) else path
