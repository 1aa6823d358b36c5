"""DashScope's answers in all their spellings."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._dashscope import results
from imagegate.domain.events import CompletedImage, Finished, ImageLink
from imagegate.errors import Ambiguous, BadResponse, ContentRefused, GatewayError


def message(*content: Any) -> dict[str, Any]:
    return {"finish_reason": "stop", "message": {"role": "assistant", "content": list(content)}}


def urls(document: Any) -> list[str]:
    return [
        event.source.url
        for event in results.pictures(document)
        if isinstance(event, CompletedImage) and isinstance(event.source, ImageLink)
    ]


def finished(document: Any) -> Finished:
    *_, last = results.pictures(document)
    assert isinstance(last, Finished)
    return last


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ({"choices": [message({"image": "u1"}, {"type": "image", "image": "u2"})]}, ["u1", "u2"]),
        ({"choices": [message({"image": "u1"}), None, message({"image": "u2"})]}, ["u1", "u2"]),
        ({"choices": [message({"text": "t"}, {"image": "u1"}, {"image": None}, "x")], "results": None}, ["u1"]),
        ({"results": [{"url": "u1"}, {"code": "DataInspectionFailed"}, {"url": ""}, None, {"url": "u2"}]}, ["u1", "u2"]),
        ({"results": [{"url": "u1"}], "choices": []}, ["u1"]),
    ],
)
def test_pictures_wherever_they_stand(output: dict[str, Any], found: list[str]) -> None:
    assert urls({"output": output}) == found


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "x",
        {},
        {"output": None},
        {"output": []},
        {"output": {"choices": "x"}},
        {"output": {"choices": [{"message": None}, {"message": {"content": "text"}}]}},
        {"output": {"results": [{"url": 7}]}},
        {"output": {"results": [{"code": "NewCode"}]}},
        {"code": "NewCode", "output": {}},
    ],
)
def test_no_picture(document: Any) -> None:
    with pytest.raises(BadResponse):
        urls(document)


def test_an_error_at_the_top_of_a_200() -> None:
    with pytest.raises(ContentRefused):
        urls({"code": "DataInspectionFailed", "message": "no", "request_id": "r"})
    with pytest.raises(ContentRefused):
        results.task_id({"code": "DataInspectionFailed"})


def test_the_rewritten_prompt_belongs_to_its_picture() -> None:
    output = {"choices": [message({"image": "u1"}, {"text": "better"}), message({"image": "u2"}, {"text": " "})]}
    prompts = [
        event.details.revised_prompt for event in results.pictures({"output": output}) if isinstance(event, CompletedImage)
    ]
    assert prompts == ["better", None]


@pytest.mark.parametrize(
    ("usage", "size"),
    [
        ({"image_count": 1, "width": 1664, "height": 928}, "1664x928"),
        ({"output_width": 1024, "output_height": 512, "output_image_count": 1}, "1024x512"),
        ({"image_count": 1, "size": "2688*1536", "input_tokens": 3}, "2688x1536"),
        ({"size": "2K", "width": None}, None),
        ({"width": "big", "height": -1}, None),
        (None, None),
        ([], None),
    ],
)
def test_the_size_that_was_made(usage: Any, size: str | None) -> None:
    assert finished({"output": {"results": [{"url": "u"}]}, "usage": usage}).details.size == size


def test_usage_is_kept_whole() -> None:
    usage = finished(
        {"output": {"results": [{"url": "u"}]}, "usage": {"input_tokens": 3, "output_tokens": 2, "image_count": 1}}
    ).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens, usage.extra) == (3, 2, 5, {"image_count": 1})
    assert finished({"output": {"results": [{"url": "u"}]}, "usage": {}}).usage is None


def test_what_else_was_said() -> None:
    output = {"results": [{"url": "u"}, {"code": "InternalError"}], "task_metrics": {"FAILED": 1}, "end_time": "now"}
    extra = finished({"output": output, "request_id": "r"}).extra
    assert extra.pop("failed") == [{"code": "upstream_ambiguous", "message": "The provider failed while working on the request."}]
    assert extra == {"task_metrics": {"FAILED": 1}, "request_id": "r"}


@pytest.mark.parametrize("task", ["86ecf553-d340-4e21-afc6-a3d2", "a"])
def test_a_task_has_a_name(task: str) -> None:
    assert results.task_id({"output": {"task_id": task}}) == task


@pytest.mark.parametrize("task", ["", "a/b", "a b", "x" * 201, None, 5])
def test_odd_names_are_no_tasks(task: Any) -> None:
    with pytest.raises(BadResponse):
        results.task_id({"output": {"task_id": task}})


@pytest.mark.parametrize(
    ("output", "note"),
    [
        ({"task_status": "PENDING"}, "queued"),
        ({"task_status": "SUSPENDED"}, "queued"),
        ({"task_status": "RUNNING"}, "running"),
        ({"task_status": "NEW"}, "waiting"),
        ({}, "waiting"),
        ({"task_status": "SUCCEEDED"}, None),
    ],
)
def test_states_of_a_task(output: dict[str, Any], note: str | None) -> None:
    assert results.waiting({"output": output}) == note


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ({"task_status": "FAILED"}, Ambiguous),
        ({"task_status": "FAILED", "code": "New"}, Ambiguous),
        ({"task_status": "FAILED", "code": "DataInspectionFailed"}, ContentRefused),
        ({"task_status": "CANCELED"}, Ambiguous),
        ({"task_status": "UNKNOWN"}, Ambiguous),
    ],
)
def test_ends_of_a_task(output: dict[str, Any], kind: type[GatewayError]) -> None:
    with pytest.raises(kind):
        results.waiting({"output": output})
