"""Aliyun DashScope's image APIs as a simulator: messages at once, four kinds of jobs, tasks and their cancellation.

Source: dashscope 2.0.2 (aigc/image_synthesis, aigc/image_generation, client/base_api), help.aliyun.com/zh/model-studio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.simulators import dashscope_rules as rules
from tests.simulators.base import Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.dashscope_rules import MODELS, REQUEST_ID, Model, envelope, no
from tests.simulators.drawn import drawn
from tests.simulators.hosted import Hosted

__all__ = ["KEY", "MODELS", "TRIGGERS", "DashscopeSimulator"]

KEY = "sk-simulator-0123456789abcdef"
_BLOCKED = {"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}
_EMPTY = {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": []}}]}

TRIGGERS: Mapping[str, Reply] = {
    "[content]": no(400, "DataInspectionFailed", "Input data may contain inappropriate content."),
    "[content_200]": Reply.json(envelope("DataInspectionFailed", "Output data may contain inappropriate content.")),
    "[rate]": no(429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later."),
    "[busy]": no(503, "ModelUnavailable", "Model is unavailable, please try again later."),
    "[arrearage]": no(400, "Arrearage", "Access denied, please make sure your account is in good standing."),
    "[free_tier]": no(403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted."),
    "[500]": no(500, "InternalError.Algo", "Internal error, please try again."),
    "[timeout]": no(500, "InternalError.Timeout", "An internal timeout error has occurred."),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html; charset=utf-8"),
    "[no_data]": Reply.json({"output": _EMPTY, "usage": {"image_count": 0}, "request_id": REQUEST_ID}),
    "[nulls]": Reply.json({"output": None, "usage": None, "request_id": REQUEST_ID, "code": "", "message": ""}),
}
"""A prompt that contains one of these words gets this answer at once, after its validation."""

TASK_ENDS: Mapping[str, Mapping[str, Any]] = {
    "[task_content]": {"task_status": "FAILED", **_BLOCKED, "task_metrics": {"TOTAL": 1, "SUCCEEDED": 0, "FAILED": 1}},
    "[task_failed]": {"task_status": "FAILED", "code": "InternalError", "message": "Failed."},
    "[task_odd]": {"task_status": "FAILED"},
    "[task_throttled]": {"task_status": "FAILED", "code": "Throttling.RateQuota", "message": "Slow down."},
    "[task_parameter]": {"task_status": "FAILED", "code": "InvalidParameter", "message": "The size is not valid"},
    "[task_canceled]": {"task_status": "CANCELED"},
    "[task_expired]": {"task_status": "UNKNOWN"},
    "[task_empty]": {"task_status": "SUCCEEDED", "results": []},
}
"""How a job with this word in its prompt ends."""


@dataclass(slots=True)
class _Task:
    """``states``: what is still to be seen before ``end``."""

    states: list[str]
    end: dict[str, Any]
    usage: dict[str, Any]
    canceled: bool = False


@dataclass(frozen=True, slots=True)
class _Made:
    """Pictures of one request."""

    urls: list[str]
    size: str
    model: Model
    references: int
    prompt: str
    blocked: frozenset[int] = field(default_factory=frozenset)
    interleaved: bool = False


class DashscopeSimulator(Simulator):
    """All image endpoints below ``/api/v1``.

    ``states``: what a task goes through before its end. ``blocked``: which pictures the safety system takes. ``as_results``: jobs
    of the messages dialect answer with ``results``. ``split``: one choice a picture. ``workspace``: the header that must come.
    """

    def __init__(self, key: str = KEY) -> None:
        self._hosted = Hosted()
        super().__init__()
        self.key = key
        self.states: Sequence[str] = ("PENDING", "RUNNING")
        self.blocked: frozenset[int] = frozenset()
        self.as_results = False
        self.split = False
        self.rewrites = False
        self.workspace: str | None = None
        self.canceled: list[str] = []
        self._tasks: dict[str, _Task] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/api/v1"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints, and where the urls of answers point."""
        services = "/api/v1/services/aigc"
        return [
            ("POST", f"{services}/multimodal-generation/generation", self._at_once),
            ("POST", f"{services}/image-generation/generation", self._submit),
            ("POST", f"{services}/text2image/image-synthesis", self._submit),
            ("POST", f"{services}/image2image/image-synthesis", self._submit),
            ("GET", "/api/v1/tasks/", self._list),
            ("GET", "/api/v1/tasks/{task}", self._look),
            ("POST", "/api/v1/tasks/{task}/cancel", self._cancel),
            self._hosted.route,
        ]

    def not_found(self, request: Recorded) -> Reply:
        """DashScope's 404."""
        return no(404, "InvalidParameter", "url error, please check url！")

    async def _at_once(self, request: Recorded) -> Reply:
        self._admit(request)
        if request.headers.get("x-dashscope-async"):
            raise rules.refused("current user api does not support asynchronous calls.", "AccessDenied", 403)
        made = self._made(request, "messages")
        if made.interleaved:
            return self._stream(request, made)
        output = {**self._choices(made), "task_metric": {"TOTAL": len(made.urls), "SUCCEEDED": len(made.urls), "FAILED": 0}}
        return Reply.json({"output": output, "usage": _usage(made), "request_id": REQUEST_ID})

    async def _submit(self, request: Recorded) -> Reply:
        self._admit(request)
        if request.headers.get("x-dashscope-async") != "enable":
            raise rules.refused("current user api does not support synchronous calls.", "AccessDenied", 403)
        call = "queue" if "image-generation" in request.path else request.path.split("/")[-2]
        made = self._made(request, call)
        task = f"86ecf553-d340-4e21-{len(self._tasks):012}"
        output = self._choices(made) if call == "queue" and not self.as_results else self._results(made)
        ends = [dict(end) for word, end in TASK_ENDS.items() if word in made.prompt]
        end = ends[0] if ends else {"task_status": "SUCCEEDED", **output}
        self._tasks[task] = _Task(list(self.states), end, _usage(made))
        return Reply.json({"output": {"task_status": "PENDING", "task_id": task}, "request_id": REQUEST_ID})

    async def _look(self, request: Recorded) -> Reply:
        self._admit(request)
        name = request.path_params["task"]
        task = self._tasks.get(name)
        if task is None:
            return Reply.json({"request_id": REQUEST_ID, "output": {"task_id": name, "task_status": "UNKNOWN"}})
        head = {"task_id": name, "submit_time": "2026-11-21 10:00:00.000", "scheduled_time": "2026-11-21 10:00:00.010"}
        if task.canceled:
            return Reply.json({"request_id": REQUEST_ID, "output": {**head, "task_status": "CANCELED"}})
        if task.states:
            return Reply.json({"request_id": REQUEST_ID, "output": {**head, "task_status": task.states.pop(0)}})
        usage = {"usage": task.usage} if task.end["task_status"] == "SUCCEEDED" else {}
        end = {**head, "end_time": "2026-11-21 10:00:07.000", **task.end}
        return Reply.json({"request_id": REQUEST_ID, "output": end, **usage})

    async def _list(self, request: Recorded) -> Reply:
        self._admit(request)
        number, size = int(request.query.get("page_no", 1)), int(request.query.get("page_size", 10))
        names = sorted(self._tasks)[(number - 1) * size : number * size]
        rows = [{"task_id": name, "status": self._tasks[name].end["task_status"]} for name in names]
        total = {"total": len(self._tasks), "total_page": -(-len(self._tasks) // size), "page_no": number, "page_size": size}
        return Reply.json({"request_id": REQUEST_ID, "data": rows, **total})

    async def _cancel(self, request: Recorded) -> Reply:
        self._admit(request)
        name = request.path_params["task"]
        task = self._tasks.get(name)
        if task is None or "PENDING" not in task.states:
            raise rules.refused("Failed to cancel the task, only PENDING tasks can be canceled.", "UnsupportedOperation")
        task.canceled = True
        self.canceled.append(name)
        return Reply.json({"request_id": REQUEST_ID})

    def _admit(self, request: Recorded) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise rules.refused("Invalid API-key provided.", "InvalidApiKey", 401)
        if self.workspace and request.headers.get("x-dashscope-workspace") != self.workspace:
            raise rules.refused("Workspace access denied.", "Workspace.AccessDenied", 403)

    def _made(self, request: Recorded, call: str) -> _Made:
        body = request.json
        model = rules.interleaved(body, rules.model_of(body, call))
        interleaved = bool(body.get("parameters", {}).get("enable_interleave"))
        prompt, pictures = rules.inputs_of(body, call, model)
        size, count = rules.size_of(body, model, pictures), rules.count_of(body, model)
        if any(picture.startswith("oss://") for picture in pictures) and not _resolves(request):
            raise rules.refused("url error, please check url！", "InvalidURL")
        for word, reply in TRIGGERS.items():
            if word in prompt:
                raise Refused(reply)
        count = body["parameters"].get("max_images", 5) if interleaved else count
        urls = [self._hosted.keep(request, drawn(size, number)) for number in range(count)]
        return _Made(urls, size, model, len(pictures), prompt, self.blocked, interleaved)

    def _stream(self, request: Recorded, made: _Made) -> Reply:
        """Words and pictures in turn: a few characters or one picture a frame, ``finished`` in every one.

        The page asks for ``parameters.stream`` too; the SDK sends the header alone.
        """
        if request.headers.get("x-dashscope-sse") != "enable":
            raise rules.refused("enable_interleave is only supported with stream.")
        parts = _turns(made)
        frames = [_frame(number, part, made, last=number == len(parts)) for number, part in enumerate(parts, 1)]
        if "[stream_content]" in made.prompt:
            frames[2:] = [_frame_of(3, "error", _BLOCKED | {"request_id": REQUEST_ID}, 400)]
        return Reply(pieces=frames, headers={"content-type": "text/event-stream;charset=UTF-8"})

    def _choices(self, made: _Made) -> dict[str, Any]:
        if made.interleaved:
            message = {"role": "assistant", "content": _turns(made)}
            return {"choices": [{"finish_reason": "stop", "message": message}], "finished": True}
        typed = {"type": "image"} if made.model.usage == "tokens" else {}
        parts: list[dict[str, Any]] = [
            {**typed, "image": url} for number, url in enumerate(made.urls) if number not in made.blocked
        ]
        if self.rewrites:
            parts.append({"text": f"A picture of {made.prompt}"})
        groups = [[part] for part in parts] if self.split else [parts]
        return {
            "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": group}} for group in groups],
            "finished": True,
        }

    def _results(self, made: _Made) -> dict[str, Any]:
        good = {"orig_prompt": made.prompt, "actual_prompt": f"A picture of {made.prompt}"}
        results = [_BLOCKED if number in made.blocked else {"url": url, **good} for number, url in enumerate(made.urls)]
        failed = len(made.blocked & set(range(len(made.urls))))
        metrics = {"TOTAL": len(results), "SUCCEEDED": len(results) - failed, "FAILED": failed}
        if failed == len(results):
            return {"task_status": "FAILED", **_BLOCKED, "task_metrics": metrics}
        return {"results": results, "task_metrics": metrics}


def _turns(made: _Made) -> list[dict[str, Any]]:
    """Words, a picture, words, a picture, and words at the end; no pictures when the prompt says so."""
    parts: list[dict[str, Any]] = []
    for number, url in enumerate(made.urls, 1):
        parts += [{"type": "text", "text": text} for text in (f"Step {number}", ": cut.")]
        parts += [] if "[words]" in made.prompt else [{"type": "image", "image": url}]
    return [*parts, {"type": "text", "text": "Done."}]


def _frame(number: int, part: Mapping[str, Any], made: _Made, *, last: bool) -> Piece:
    message = {"content": [part], "role": "assistant"}
    choice = {"message": message, "finish_reason": "stop" if last else "null"}
    document = {"output": {"choices": [choice], "finished": True}, "usage": _usage(made), "request_id": REQUEST_ID}
    return _frame_of(number, "result", document, 200)


def _frame_of(number: int, name: str, document: Mapping[str, Any], status: int) -> Piece:
    head = f"id:{number}\nevent:{name}\n:HTTP_STATUS/{status}\ndata:".encode()
    return Piece(head + orjson.dumps(document) + b"\n\n", label=name)


def _resolves(request: Recorded) -> bool:
    return request.headers.get("x-dashscope-ossresourceresolve") == "enable"


def _usage(made: _Made) -> dict[str, Any]:
    """As the three families write it."""
    width, height = (int(edge) for edge in made.size.split("x"))
    count = len(made.urls)
    if made.model.usage == "tokens":
        size = f"{width}*{height}"
        return {"image_count": count, "size": size, "input_tokens": 34, "output_tokens": 2, "total_tokens": 36}
    if made.model.usage == "output":
        kinds = {"output_image_type": "qima_output_1k", "input_image_type": "qima_input", "input_image_count": made.references}
        return {"output_width": width, "output_height": height, "output_image_count": count, **kinds}
    return {"image_count": count, "width": width, "height": height}
