"""DashScope's answers: pictures as ``output.choices`` or ``output.results``, and what stands beside them.

Source: dashscope 2.0.2 (api_entities/dashscope_response, v2/resources/_jobs), help.aliyun.com/zh/model-studio.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from imagegate.adapters._dashscope import codes
from imagegate.adapters.shape.answers import read_usage
from imagegate.domain.events import CompletedImage, Finished, ImageDetails, ImageEvent, ImageLink
from imagegate.errors import Ambiguous, BadResponse

_TASK = re.compile(r"[\w.-]{1,200}")
_PIXELS = re.compile(r"(\d{1,5})\s*[*xX]\s*(\d{1,5})")
_BESIDE = ("task_metric", "task_metrics", "finished")


class State(StrEnum):
    """Of a task. ``UNKNOWN``: no such task, or one older than 24 hours."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    UNKNOWN = "UNKNOWN"


def task_id(document: Any) -> str:
    """Of a submitted job. Raises what the answer says instead, or BadResponse."""
    task = _output(document).get("task_id")
    if isinstance(task, str) and _TASK.fullmatch(task):
        return task
    raise_told(document)
    raise BadResponse("The provider took the job without naming it.")


def waiting(document: Mapping[str, Any]) -> str | None:
    """What to tell of a job that goes on; None when it has succeeded. Raises the reason when it has failed or vanished."""
    output = _output(document)
    match str(output.get("task_status")):
        case State.SUCCEEDED:
            return None
        case State.FAILED:
            raise codes.by_code(codes.told(output), codes.INSIDE) or Ambiguous("The provider's job failed.")
        case State.CANCELED:
            raise Ambiguous("The job was cancelled at the provider.")
        case State.UNKNOWN:
            raise Ambiguous("The provider no longer knows the job.")
        case State.RUNNING:
            return "running"
        case State.PENDING | State.SUSPENDED:
            return "queued"
        case _:
            raise_told(document)
            return "waiting"


def pictures(document: Any) -> Iterator[ImageEvent]:
    """All pictures, and Finished. Raises the first failure when there is no picture, else failures are told in Finished."""
    output = _output(document)
    links, failed = _links(output), [codes.inside(codes.told(item)) for item in _results(output) if item.get("code")]
    if not links:
        raise_told(document)
        raise failed[0] if failed else BadResponse("The provider answered without a picture.")
    for url, prompt in links:
        yield CompletedImage(ImageLink(url), ImageDetails(size=size(document), revised_prompt=prompt))
    told = [{"code": error.code, "message": error.message} for error in failed]
    yield finished(document, {"failed": told} if told else {})


def finished(document: Mapping[str, Any], extra: Mapping[str, Any]) -> Finished:
    """What is said beside the pictures; ``extra``: what else there is to tell."""
    beside = {name: value for name in _BESIDE if (value := _output(document).get(name)) is not None}
    if document.get("request_id"):
        beside["request_id"] = document["request_id"]
    counted = document.get("usage")
    usage = read_usage(dict(counted)) if isinstance(counted, Mapping) and counted else None
    return Finished(usage, details=ImageDetails(size=size(document)), extra={**beside, **extra})


def contents(document: Any) -> Iterator[list[Mapping[str, Any]]]:
    """The parts of each choice: ``{"text"}`` or ``{"image"}``."""
    for choice in _mappings(_output(document).get("choices")):
        message = choice.get("message")
        yield _mappings(message.get("content")) if isinstance(message, Mapping) else []


def _links(output: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Url and rewritten prompt of each picture."""
    found = [(item.get("url"), item.get("actual_prompt")) for item in _results(output)]
    for parts in contents({"output": output}):
        texts = [part["text"] for part in parts if isinstance(part.get("text"), str) and part["text"].strip()]
        found += [(part.get("image"), texts[0] if texts else None) for part in parts]
    return [(url, prompt if isinstance(prompt, str) else None) for url, prompt in found if isinstance(url, str) and url]


def size(document: Any) -> str | None:
    """Of the pictures, from ``usage``: ``size``, ``width`` and ``height``, or ``output_width`` and ``output_height``."""
    counted = document.get("usage") if isinstance(document, Mapping) else None
    if not isinstance(counted, Mapping):
        return None
    if match := _PIXELS.fullmatch(str(counted.get("size", ""))):
        return f"{match[1]}x{match[2]}"
    for prefix in ("", "output_"):
        width, height = counted.get(f"{prefix}width"), counted.get(f"{prefix}height")
        if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
            return f"{width}x{height}"
    return None


def raise_told(document: Any) -> None:
    """Raises what a ``code`` at the top of an answer with status 200 stands for."""
    if isinstance(document, Mapping) and document.get("code"):
        raise codes.inside(codes.told(document))


def _results(output: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _mappings(output.get("results"))


def _output(document: Any) -> Mapping[str, Any]:
    output = document.get("output") if isinstance(document, Mapping) else None
    return output if isinstance(output, Mapping) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
