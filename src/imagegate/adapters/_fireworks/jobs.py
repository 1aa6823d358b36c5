"""Kontext: a job that is submitted, then asked for.

Source: docs.fireworks.ai (Kontext, get_result).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from imagegate.adapters._fireworks.answers import refused
from imagegate.adapters.shape.jobs import paid
from imagegate.domain.events import CompletedImage, ImageDetails, ImageEvent, ImageLink, Progress, held
from imagegate.errors import Ambiguous, BadResponse
from imagegate.upstream.client import Upstream

_MODERATED = frozenset({"Request Moderated", "Content Moderated"})
_LOST_LOOKS = 3
"""How often ``Task not found`` may be said of a job; then it is lost."""


async def events(upstream: Upstream, path: str, body: Mapping[str, Any], every: float) -> AsyncGenerator[ImageEvent]:
    """Submit, ask about every ``every`` seconds, and the picture."""
    async with upstream.post_json(path, body) as answer:
        document = await answer.json()
    job = document.get("request_id") if isinstance(document, Mapping) else None
    if not job:
        raise BadResponse("The provider took the job without naming it.")
    yield Progress("queued")
    lost = 0
    with paid():
        looks = upstream.poll_calls(lambda: upstream.post_json(f"{path}/get_result", {"id": job}), every=every)
        async with aclosing(looks):
            async for look in looks:
                lost += look.get("status") == "Task not found"
                if lost >= _LOST_LOOKS:
                    raise Ambiguous("The provider took the job and no longer knows it.")
                picture = finished(look)
                yield picture or Progress("pending")
                if picture:
                    return


def finished(look: Mapping[str, Any]) -> CompletedImage | None:
    """The picture of a job, None while there is none. Raises ContentRefused, Ambiguous or BadResponse."""
    status, result = look.get("status"), look.get("result")
    if status in _MODERATED:
        raise refused()
    if status == "Error":
        raise Ambiguous("The provider failed while working on the request.")
    if status != "Ready":
        return None
    sample = result.get("sample") if isinstance(result, Mapping) else None
    if not isinstance(sample, str) or not sample:
        raise BadResponse("The provider answered without a picture.")
    seed = result.get("seed") if isinstance(result, Mapping) else None
    told = ImageDetails(extra={"seed": seed} if isinstance(seed, int) else {})
    return CompletedImage(ImageLink(sample) if ":" in sample else held(sample.encode()), told)
