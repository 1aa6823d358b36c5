"""A prediction until it is over, and its withdrawal when nobody waits any more.

Source: replicate 1.0.7, replicate.com/docs/reference/http.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from imagegate.adapters.hosted_shape import predictions
from imagegate.adapters.hosted_shape.addresses import own
from imagegate.adapters.shape.jobs import withdrawn
from imagegate.domain.events import ImageEvent, Progress
from imagegate.errors import BadResponse
from imagegate.upstream.client import Upstream

_JOB = re.compile(r"\w{1,100}")


async def awaited(prediction: Mapping[str, Any], upstream: Upstream, every: float) -> AsyncGenerator[ImageEvent]:
    """The pictures of a prediction, once they are there."""
    latest = prediction
    if not predictions.ended(latest):
        job = f"/predictions/{prediction['id']}"
        named = prediction.get("urls")
        urls = named if isinstance(named, Mapping) else {}
        cancel, look = own(urls.get("cancel"), f"{job}/cancel", upstream), own(urls.get("get"), job, upstream)
        async with withdrawn(lambda: upstream.call_off(cancel)):
            yield Progress(_note(latest))
            async with aclosing(upstream.poll(look, every=every)) as looks:
                async for latest in looks:
                    if predictions.ended(latest):
                        break
                    yield Progress(_note(latest))
    for event in predictions.pictures(latest):
        yield event


def started(document: Any) -> Mapping[str, Any]:
    """The prediction of an answer to an order. Raises BadResponse."""
    if isinstance(document, Mapping) and isinstance(document.get("id"), str) and _JOB.fullmatch(document["id"]):
        return document
    raise BadResponse("The provider answered without a prediction.")


def _note(prediction: Mapping[str, Any]) -> str:
    status = prediction.get("status")
    return status if status in {"starting", "processing"} else "waiting"
