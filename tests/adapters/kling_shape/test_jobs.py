"""Jobs in Kling's words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import pytest

from imagegate.adapters.kling_shape import jobs
from imagegate.domain.events import CompletedImage, Finished, ImageEvent, ImageLink, Progress
from imagegate.errors import BadResponse, ContentRefused, GatewayError, ModelMissing, RateLimited


@pytest.mark.parametrize(
    ("asked", "tiers", "told"),
    [
        (None, ("1k", "2k"), {}),
        ("auto", ("1k", "2k"), {}),
        ("1536x1024", ("1k", "2k"), {"aspect_ratio": "3:2", "resolution": "1k"}),
        ("2560x1440", ("1k", "2k"), {"aspect_ratio": "16:9", "resolution": "2k"}),
        ("2560x1440", (), {"aspect_ratio": "16:9"}),
    ],
)
def test_shape(asked: str | None, tiers: tuple[str, ...], told: dict[str, str]) -> None:
    assert jobs.shape(asked, tiers) == told


@pytest.mark.parametrize("data", [{}, {"task_id": None}, {"task_id": 7}, {"task_id": "../x"}, {"task_id": ""}])
def test_a_job_without_a_name(data: Mapping[str, Any]) -> None:
    assert jobs.name({"task_id": "8-a_1"}) == "8-a_1"
    with pytest.raises(BadResponse):
        jobs.name(data)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Failure to pass the risk control system", ContentRefused),
        ("risk_control", ContentRefused),
        ("触发平台的内容风控", ContentRefused),
        ("Content policy violation", ContentRefused),
        ("Image pixel is invalid", BadResponse),
        ("", BadResponse),
        (None, BadResponse),
    ],
)
def test_why_a_job_failed(reason: Any, kind: type[GatewayError]) -> None:
    assert type(jobs.failed(reason)) is kind


async def events(*looks: dict[str, Any] | GatewayError) -> list[ImageEvent]:
    """What is told of a job that is seen so."""

    async def documents() -> AsyncGenerator[Mapping[str, Any]]:
        for number in range(len(looks)):
            yield {"number": number}

    def data_of(document: Any) -> Mapping[str, Any]:
        number: int = document["number"]
        look = looks[number]
        if isinstance(look, GatewayError):
            raise look
        return look

    async with aclosing(documents()) as source, aclosing(jobs.watched(source, data_of)) as told:
        return [event async for event in told]


async def test_a_note_for_each_status_then_the_pictures() -> None:
    done = {
        "task_status": "succeed",
        "task_id": "8",
        "created_at": 1_700_000_000_123,
        "task_result": {"images": [{"index": 0, "url": "u1"}, {"url": ""}, None], "series_images": [{"url": "u2"}]},
    }
    told = await events(
        {"task_status": "submitted"}, {"task_status": "processing"}, RateLimited("Slow."), {"task_status": "processing"}, done
    )
    assert [type(event) for event in told] == [Progress, CompletedImage, CompletedImage, Finished]
    assert [event.source for event in told if isinstance(event, CompletedImage)] == [ImageLink("u1"), ImageLink("u2")]
    end = told[-1]
    assert isinstance(end, Finished) and (end.created, end.extra) == (1_700_000_000, {"task_id": "8"})


@pytest.mark.parametrize(
    ("look", "kind"),
    [
        (ModelMissing("Gone."), ModelMissing),
        ({"task_status": "failed", "task_status_msg": "risk control"}, ContentRefused),
        ({"task_status": "succeed", "task_result": None}, BadResponse),
        ({"task_status": "succeed", "task_result": {"images": None}}, BadResponse),
    ],
)
async def test_how_a_job_ends_without_pictures(look: dict[str, Any] | GatewayError, kind: type[GatewayError]) -> None:
    with pytest.raises(kind):
        await events(look)
