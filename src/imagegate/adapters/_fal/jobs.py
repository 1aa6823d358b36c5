"""A job in fal's queue: where it is ordered, looked at, fetched and cancelled, and how it stands.

Source: fal-client 1.0.3, fal.ai/docs (model APIs: queue).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from imagegate.adapters.hosted_shape.addresses import own
from imagegate.adapters.shape.jobs import withdrawn
from imagegate.domain.events import Progress
from imagegate.errors import BadResponse, ModelMissing
from imagegate.upstream.client import Upstream

_APP = re.compile(r"[\w.-]+(/[\w.-]+){1,7}")
_JOB = re.compile(r"[\w-]{1,100}")
_WAITING = frozenset({"IN_QUEUE", "IN_PROGRESS"})
_NAMESPACES = frozenset({"workflows", "comfy"})


@dataclass(frozen=True, slots=True)
class Job:
    """Where a submitted job is looked at, fetched and cancelled; ``note`` says how it stands."""

    status: str
    result: str
    cancel: str
    note: str

    @classmethod
    def read(cls, app: str, document: Any, upstream: Upstream) -> Job:
        """From the answer to the submit. Raises BadResponse."""
        number = document.get("request_id") if isinstance(document, Mapping) else None
        if not isinstance(number, str) or not _JOB.fullmatch(number):
            raise BadResponse("The provider took the job without naming it.")
        parts = app.split("/")
        path = f"/{'/'.join(parts[: 3 if parts[0] in _NAMESPACES else 2])}/requests/{number}"
        return cls(
            own(document.get("status_url"), f"{path}/status", upstream),
            own(document.get("response_url"), path, upstream),
            own(document.get("cancel_url"), f"{path}/cancel", upstream),
            _note(document),
        )


def submit_path(app: str) -> str:
    """Where an app such as ``fal-ai/flux/dev`` takes jobs. Raises ModelMissing for what is no such name."""
    if not _APP.fullmatch(app) or ".." in app:
        raise ModelMissing("Models are called 'owner/app' here; the operator has to look at the channel.")
    return f"/{app}"


async def waited(job: Job, upstream: Upstream, every: float) -> AsyncGenerator[Progress]:
    """Notes until the job is done; whoever leaves before cancels it."""
    async with withdrawn(lambda: upstream.call_off(job.cancel, method="PUT")):
        yield Progress(job.note)
        async with aclosing(upstream.poll(job.status, every=every)) as looks:
            async for look in looks:
                if look.get("status") not in _WAITING:
                    return
                yield Progress(_note(look))


def _note(document: Mapping[str, Any]) -> str:
    if document.get("status") == "IN_PROGRESS":
        return "processing"
    position = document.get("queue_position")
    return f"queued, {position} before it" if isinstance(position, int) and position > 0 else "queued"
