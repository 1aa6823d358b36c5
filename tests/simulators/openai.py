"""OpenAI's Images API as a simulator.

Source: openai-python 3.52 (resources/images, types/image_*), openai-openapi openapi.yaml (/images/*), the error codes guide.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulators import openai_answers, openai_inputs, openai_rules
from tests.simulators.base import Ending, Handler, Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.openai_answers import Job, Streaming
from tests.simulators.openai_inputs import Inputs
from tests.simulators.openai_rules import EDIT_FIELDS, GENERATION_FIELDS, MODELS, VARIATION_FIELDS, Model, envelope, refused

__all__ = ["DEFAULT_MODEL", "KEY", "TRIGGERS", "OpenAISimulator", "Streaming"]

KEY = "sk-simulator-0123456789abcdef"
DEFAULT_MODEL = "gpt-image-2"
_UNTIL_RESET = {"retry-after": "1", "retry-after-ms": "1000", "x-ratelimit-remaining-requests": "0"}
_UNSAFE = "Your request was rejected by the safety system. safety_violations=[sexual]."

TRIGGERS: Mapping[str, Reply] = {
    "[moderation]": Reply.json(envelope(_UNSAFE, "image_generation_user_error", None, "moderation_blocked"), status=400),
    "[policy]": Reply.json(envelope(_UNSAFE, "invalid_request_error", None, "content_policy_violation"), status=400),
    "[rate_limit]": Reply.json(
        envelope("Rate limit reached for requests.", "requests", None, "rate_limit_exceeded"), status=429, headers=_UNTIL_RESET
    ),
    "[quota]": Reply.json(
        envelope("You exceeded your current quota.", "insufficient_quota", None, "insufficient_quota"), status=429
    ),
    "[unverified]": Reply.json(
        envelope("Your organization org-simulator must be verified to use this model.", "invalid_request_error"), status=403
    ),
    "[500]": Reply.json(envelope("The server had an error while processing your request.", "server_error"), status=500),
    "[503]": Reply.json(envelope("The server is overloaded.", "server_error", None, "server_is_overloaded"), status=503),
    "[silence]": Reply.silence(),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html; charset=utf-8"),
    "[no_data]": Reply.json({"created": 1, "data": []}),
    "[error_200]": Reply.json(envelope("The server had an error.", "server_error")),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class OpenAISimulator(Simulator):
    """Generations, edits (multipart and JSON), variations and models, JSON and SSE.

    ``picture``: bytes to answer instead of drawn pictures, in any format asked for; ``preview``: the same for partial images.
    ``streaming``: how event streams look, pause and break. ``extra_top``, ``extra_item``: unknown fields of answers and events,
    and of each item of ``data``. ``stored``: pictures that a ``file_id`` of a JSON edit names. ``lenient``: any model, field
    and picture is accepted, as servers that copy the protocol do. Prompts with a word of ``TRIGGERS`` fail as it says.
    """

    def __init__(self, key: str = KEY, *, lenient: bool = False) -> None:
        super().__init__()
        self.key = key
        self.lenient = lenient
        self.picture: bytes | None = None
        self.preview: bytes | None = None
        self.streaming = Streaming()
        self.extra_top: dict[str, Any] = {}
        self.extra_item: dict[str, Any] = {}
        self.stored: dict[str, bytes] = {}
        self._served: dict[str, bytes] = {}

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/v1"

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints; ``/files`` is where the urls of DALL·E answers point, and needs no key."""
        return [
            ("POST", "/v1/images/generations", self._with_key(self._generate)),
            ("POST", "/v1/images/edits", self._with_key(self._edit)),
            ("POST", "/v1/images/variations", self._with_key(self._vary)),
            ("GET", "/v1/models", self._with_key(self._models)),
            ("GET", "/v1/models/{model}", self._with_key(self._model)),
            ("GET", "/files/{name}", self._file),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """OpenAI's 404."""
        text = f"Invalid URL ({request.method} {request.path})"
        return Reply.json(envelope(text, "invalid_request_error"), status=404)

    async def _generate(self, request: Recorded) -> Reply:
        inputs, model = self._accepted(request, GENERATION_FIELDS)
        return self._made(request, Job(inputs.fields), model)

    async def _edit(self, request: Recorded) -> Reply:
        inputs, model = self._accepted(request, EDIT_FIELDS)
        if not self.lenient:
            openai_inputs.check_pictures(inputs, markup_allowed=model.markup)
        return self._made(request, Job(inputs.fields, "image_edit", max(1, len(inputs.images))), model)

    async def _vary(self, request: Recorded) -> Reply:
        inputs, model = self._accepted(request, VARIATION_FIELDS, default="dall-e-2")
        if not model.variations and not self.lenient:
            raise refused("This model makes no variations.", "model", "invalid_value")
        if not self.lenient:
            openai_inputs.check_pictures(inputs, markup_allowed=False)
        return self._made(request, Job(inputs.fields, references=1), model)

    def _accepted(self, request: Recorded, allowed: frozenset[str], default: str = DEFAULT_MODEL) -> tuple[Inputs, Model]:
        if self.lenient:
            inputs, model = openai_inputs.read_loosely(request), Model()
        else:
            inputs = openai_inputs.read(request, self.stored)
            model = openai_rules.check(inputs.fields, str(inputs.fields.get("model", default)), allowed)
            if "prompt" in allowed and not inputs.fields.get("prompt"):
                raise refused("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
        prompt = str(inputs.fields.get("prompt", ""))
        for word, reply in TRIGGERS.items():
            if word in prompt:
                raise Refused(reply)
        return inputs, model

    def _made(self, request: Recorded, job: Job, model: Model) -> Reply:
        job = dataclasses.replace(job, picture=self.picture, preview=self.preview)
        if str(job.fields.get("stream")).lower() == "true":
            return self._streamed(job)
        items = openai_answers.items(job, self.extra_item)
        if model.dalle:
            return self._ok({"created": int(time.time()), "data": self._as_dalle(request, job, items), **self.extra_top})
        return self._ok(openai_answers.body(job, items, self.extra_top))

    def _as_dalle(self, request: Recorded, job: Job, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if job.fields.get("model") == "dall-e-3":
            items = [{**item, "revised_prompt": f"A picture of {job.fields['prompt']}"} for item in items]
        if job.fields.get("response_format", "url") == "b64_json":
            return items
        return [self._linked(request, job.drawn(number), item) for number, item in enumerate(items)]

    def _linked(self, request: Recorded, data: bytes, item: dict[str, Any]) -> dict[str, Any]:
        name = f"img-{len(self._served)}.png"
        self._served[name] = data
        kept = {key: value for key, value in item.items() if key != "b64_json"}
        return {**kept, "url": f"http://{request.headers['host']}/files/{name}"}

    def _streamed(self, job: Job) -> Reply:
        streaming = self.streaming
        broken = Ending.RESET if streaming.reset else Ending.CLOSE
        return Reply(
            pieces=openai_answers.events(job, streaming, self.extra_top),
            headers={**_headers(), "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"},
            ending=Ending.CLEAN if streaming.cut_after_events is None else broken,
        )

    def _ok(self, document: Mapping[str, Any]) -> Reply:
        return Reply.json(document, headers=_headers())

    async def _models(self, request: Recorded) -> Reply:
        return self._ok({"object": "list", "data": [_model_row(name) for name in MODELS]})

    async def _model(self, request: Recorded) -> Reply:
        name = request.path_params["model"]
        if name not in MODELS:
            raise refused(f"The model '{name}' does not exist.", "model", "model_not_found", status=404)
        return self._ok(_model_row(name))

    async def _file(self, request: Recorded) -> Reply:
        data = self._served.get(request.path_params["name"])
        if data is None:
            return Reply(404, [Piece(b"gone")])
        return Reply.raw(data, "image/png")

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            try:
                self._check_key(request)
                return await handler(request)
            except Refused as no:
                return dataclasses.replace(no.reply, headers={**_headers(), **no.reply.headers})

        return checked

    def _check_key(self, request: Recorded) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise refused("You did not provide an API key.", status=401)
        if given != self.key:
            shown = f"{given[:7]}{'*' * max(0, len(given) - 11)}{given[-4:]}"
            raise refused(f"Incorrect API key provided: {shown}.", code="invalid_api_key", status=401)


def _headers() -> dict[str, str]:
    return {
        "x-request-id": f"req_{time.monotonic_ns():x}",
        "openai-organization": "org-simulator",
        "openai-processing-ms": "12",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
    }


def _model_row(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_713_833_628, "owned_by": "openai"}
