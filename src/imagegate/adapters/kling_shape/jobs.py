"""A job in Kling's words: its name, its progress, its pictures.

Source: app.klingai.com's API reference, cloud.baidu.com/doc/qianfan-api (查询图像生成任务状态). A job that fails has no code:
``task_status_msg`` tells why in words, for refused content "Failure to pass the risk control system" and its like.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from typing import Any

from imagegate.adapters.shape import verdicts
from imagegate.adapters.shape.verdicts import Verdict
from imagegate.domain.events import CompletedImage, Finished, ImageEvent, ImageLink, Progress
from imagegate.domain.sizes import PixelSize, aspect_ratio, parse_size, tier
from imagegate.errors import BadResponse, GatewayError, ModelMissing, RateLimited, Unavailable
from imagegate.upstream.client import Refusal

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9")
"""What ``aspect_ratio`` takes."""

DataOf = Callable[[Any], Mapping[str, Any]]
"""``data`` of an answer; raises what the answer says instead."""

_NAME = re.compile(r"[\w-]{1,200}")
_RISK_CONTROL = re.compile(r"risk[ _-]?control|content (security|policy)|sensitive|风控|敏感", re.IGNORECASE)
"""What the words for refused content have in common; a failed job tells nothing else."""


def shape(asked: str | None, tiers: Sequence[str]) -> dict[str, str]:
    """``aspect_ratio`` and ``resolution`` of a size; nothing when the caller leaves it to the model. Raises InvalidRequest."""
    size = parse_size(asked) if asked else None
    if not isinstance(size, PixelSize):
        return {}
    ratio = {"aspect_ratio": aspect_ratio(size, RATIOS)}
    return {**ratio, "resolution": tier(size, tiers)} if tiers else ratio


def name(data: Mapping[str, Any]) -> str:
    """Of a submitted job. Raises BadResponse."""
    job = data.get("task_id")
    if not isinstance(job, str) or not _NAME.fullmatch(job):
        raise BadResponse("The provider took the job without saying its name.")
    return job


async def watched(looks: AsyncGenerator[Mapping[str, Any]], data_of: DataOf) -> AsyncGenerator[ImageEvent]:
    """A note for each new status, then the pictures. A look that was refused for load is no answer."""
    status = "submitted"
    async for document in looks:
        try:
            data = data_of(document)
        except ModelMissing:  # the job is gone
            raise
        except (RateLimited, Unavailable):
            continue
        if data.get("task_status") == "succeed":
            for event in pictures(data):
                yield event
            return
        if data.get("task_status") == "failed":
            raise failed(data.get("task_status_msg"))
        if data.get("task_status") != status:
            status = str(data.get("task_status"))
            yield Progress("the provider is at work")


def failed(reason: Any) -> GatewayError:
    """The error of a job that ended without pictures, by the words that are all it says."""
    if isinstance(reason, str) and _RISK_CONTROL.search(reason):
        return verdicts.judged(Verdict.CONTENT, {}, Refusal(200, {}, b""))
    return BadResponse("The provider could not make the picture.")


def pictures(data: Mapping[str, Any]) -> Iterator[ImageEvent]:
    """The links of a finished job, and what it took. Raises BadResponse when there are none."""
    result = data.get("task_result")
    listed = [(result.get(key) or ()) for key in ("images", "series_images")] if isinstance(result, Mapping) else []
    urls = [item["url"] for items in listed for item in items if isinstance(item, Mapping) and item.get("url")]
    if not urls:
        raise BadResponse("The provider answered without a picture.")
    yield from (CompletedImage(ImageLink(str(url))) for url in urls)
    created = data.get("created_at")
    told = {key: data[key] for key in ("task_id", "final_unit_deduction", "usage") if data.get(key) is not None}
    yield Finished(created=created // 1000 if isinstance(created, int) else None, extra=told)
