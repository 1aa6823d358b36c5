"""OpenRouter as a simulator: the Images API (JSON and SSE) and chat with pictures.

Source: @openrouter/sdk 1.3.19 (models of /images), openrouter.ai/docs (image generation, errors). A parameter that a model does
not take is refused, as there.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from tests.simulators.base import Handler, Piece, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn, vector
from tests.simulators.ratios import NANO_2_5, NANO_3, Table, about, both, nearest, size_of, times
from tests.support import pictures

KEY = "sk-or-v1-simulator-0123456789abcdef"

_RATIO_WORDS = "1:1 1:2 1:4 1:8 2:1 2:3 2.35:1 3:2 3:4 4:1 4:3 4:5 5:2 5:4 8:1 9:16 16:9 9:19.5 19.5:9 9:20 20:9 9:21 21:9 auto"
RATIOS = frozenset(_RATIO_WORDS.split())
TIERS: Mapping[str, int] = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
_ALWAYS = frozenset({"model", "prompt", "n", "user", "session_id", "provider", "trace", "stream", "size", "input_references"})
_CHOICES: Mapping[str, frozenset[str]] = {
    "aspect_ratio": RATIOS,
    "resolution": frozenset(TIERS),
    "quality": frozenset({"auto", "low", "medium", "high", "xhigh", "max"}),
    "background": frozenset({"auto", "opaque", "transparent"}),
    "output_format": frozenset({"png", "jpeg", "webp", "svg"}),
}


@dataclass(frozen=True, slots=True)
class Model:
    """What a model takes besides what all take. ``most``: pictures a request; ``references``: pictures that go in.

    ``table``: pixels of each ratio at 1K, where they are known; ``only``: pixels that are asked for become the nearest of them.
    """

    takes: frozenset[str] = frozenset({"resolution", "aspect_ratio", "seed"})
    most: int = 1
    references: int = 14
    streams: bool = False
    vector: bool = False
    words: bool = False
    table: Table = field(default_factory=dict)
    only: bool = False


_LONG = {"1:4": "512x2048", "4:1": "2048x512", "1:8": "384x3072", "8:1": "3072x384"}
_GPT = Model(frozenset({"quality", "background", "output_format", "output_compression"}), 10, 16, streams=True, words=True)
_GEMINI = Model(frozenset({"resolution", "aspect_ratio"}), words=True, table={**NANO_3, **_LONG})
_RECRAFT = {
    **both(("2:1", "1536x768"), ("3:2", "1280x832"), ("4:3", "1216x896"), ("5:4", "1152x896"), ("16:9", "1344x768")),
    "14:10": "1280x896",
    "10:14": "896x1280",
    "6:10": "832x1344",
}
_DRAWER = Model(frozenset({"aspect_ratio"}), references=1, table=_RECRAFT, only=True)
_VECTOR = replace(_DRAWER, takes=frozenset({"aspect_ratio", "output_format"}), vector=True)
MODELS: Mapping[str, Model] = {
    "openai/gpt-image-2": _GPT,
    "google/gemini-3-pro-image": _GEMINI,
    "google/gemini-3.1-flash-image": _GEMINI,
    "google/gemini-2.5-flash-image": Model(frozenset({"aspect_ratio"}), references=3, words=True, table=NANO_2_5),
    "bytedance-seed/seedream-4.5": Model(references=10),
    "black-forest-labs/flux.2-pro": Model(references=8),
    "black-forest-labs/flux.2-flex": Model(references=8),
    "black-forest-labs/flux.2-max": Model(references=8),
    "recraft/recraft-v4": _DRAWER,
    "recraft/recraft-v4.1": _DRAWER,
    "recraft/recraft-v4-vector": _VECTOR,
    "recraft/recraft-v4.1-vector": _VECTOR,
}


def envelope(code: Any, message: str, metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The provider's error object."""
    error = {"code": code, "message": message, **({"metadata": metadata} if metadata else {})}
    return {"error": error, "user_id": "user_simulator"}


def refusal(
    code: int, message: str, metadata: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """A refusal; its status is its code."""
    return Reply.json(envelope(code, message, metadata), status=code, headers=headers)


_RAW = orjson.dumps({"error": {"code": "moderation_blocked", "message": "Rejected by the safety system."}}).decode()
TRIGGERS: Mapping[str, Reply] = {
    "[moderation]": refusal(
        403, "Your input was flagged", {"reasons": ["sexual"], "flagged_input": "a …", "provider_name": "OpenAI"}
    ),
    "[behind]": refusal(400, "Provider returned error", {"raw": _RAW, "provider_name": "OpenAI"}),
    "[forbidden]": refusal(403, "This key may not use this model"),
    "[rate_limit]": refusal(429, "Rate limit exceeded", None, {"retry-after": "7"}),
    "[quota]": refusal(402, "Insufficient credits. Add more and retry."),
    "[500]": refusal(500, "Internal Server Error"),
    "[502]": refusal(502, "Provider returned an invalid response"),
    "[503]": refusal(503, "No available model provider meets your routing requirements"),
    "[529]": refusal(529, "Provider is overloaded"),
    "[html]": Reply.raw(b"<!doctype html><title>Just a moment</title>", "text/html"),
    "[silence]": Reply.silence(),
    "[error_200]": Reply.json(envelope(429, "Provider is rate limited")),
    "[moderated_200]": Reply.json(envelope(403, "Flagged", {"reasons": ["violence"]})),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class OpenRouterSimulator(Simulator):
    """``previews``: partial images of a stream. ``broken``: the error frame that ends a stream instead of its picture.

    Prompts with ``[nothing]`` get an answer without pictures, ``[filtered]`` one that chat says was filtered.
    """

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.previews = 3
        self.broken: Mapping[str, Any] | None = None

    @property
    def base_url(self) -> str:
        """What a client takes as base url."""
        return f"{self.url}/api/v1"

    def routes(self) -> Sequence[RouteRow]:
        """Images, chat, and what a key is worth. ``/images/generations`` does not exist."""
        return [
            ("GET", "/api/v1/key", self._with_key(self._about_key)),
            ("POST", "/api/v1/images", self._with_key(self._images)),
            ("POST", "/api/v1/chat/completions", self._with_key(self._chat)),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """OpenRouter's 404."""
        return refusal(404, "Not Found")

    async def _about_key(self, request: Recorded) -> Reply:
        return Reply.json({"data": {"label": "sk-or-v1-sim…def", "limit": None, "usage": 0, "is_free_tier": False}})

    async def _images(self, request: Recorded) -> Reply:
        fields = _read(request)
        model = _model(fields)
        _check_images(fields, model)
        prompt = fields["prompt"]
        for word, reply in TRIGGERS.items():
            if word in prompt:
                return reply
        made = [] if "[nothing]" in prompt else [_picture(fields, model, number) for number in range(fields.get("n", 1))]
        if fields.get("stream"):
            return Reply(pieces=self._frames(fields, made), headers={"content-type": "text/event-stream"})
        return Reply.json({"created": 1_795_167_015, "data": made, "usage": _usage(len(made))})

    def _frames(self, fields: Mapping[str, Any], made: Sequence[Mapping[str, Any]]) -> Iterator[Piece]:
        yield Piece(b": OPENROUTER PROCESSING\n\n")
        yield _frame({"type": "image_generation.text_chunk", "phase": "thinking", "text": "A house, then."})
        preview = base64.b64encode(drawn("64x64", 4)).decode()
        for item in made:
            for index in range(self.previews):
                yield _frame({"type": "image_generation.partial_image", "b64_json": preview, "partial_image_index": index})
            if self.broken is not None:
                yield _frame({"type": "error", "error": self.broken})
                return
            yield _frame({"type": "image_generation.completed", **item, "created": 1_795_167_015, "usage": _usage(1)})
        yield Piece(b"data: [DONE]\n\n")

    async def _chat(self, request: Recorded) -> Reply:
        fields = _read(request)
        model = _model(fields)
        prompt = _check_chat(fields, model)
        for word, reply in TRIGGERS.items():
            if word in prompt:
                return reply
        config = fields.get("image_config", {})
        asked = {
            "aspect_ratio": config.get("aspect_ratio", "auto"),
            "resolution": config.get("image_size", "1K"),
            "input_references": fields["messages"][0]["content"][1:],
        }
        message: dict[str, Any] = {"role": "assistant", "content": "Here is your house.", "refusal": None, "reasoning": None}
        note = {"type": "url_citation", "url_citation": {"url": "https://example.test/house", "title": "Houses"}}
        message["annotations"] = [note]
        if not re.search(r"\[(nothing|filtered)\]", prompt):
            url = pictures.data_url(drawn(_size(asked, model)))
            message["images"] = [{"type": "image_url", "image_url": {"url": url}, "index": 0}]
        reason = "content_filter" if "[filtered]" in prompt else "stop"
        choice = {
            "index": 0,
            "finish_reason": reason,
            "native_finish_reason": reason.upper(),
            "logprobs": None,
            "message": message,
        }
        if "[choice_error]" in prompt:
            choice = {"index": 0, "finish_reason": "error", "error": {"code": 502, "message": "Upstream broke"}}
        top = {"id": "gen-1", "provider": "Google", "model": fields["model"], "object": "chat.completion"}
        return Reply.json({**top, "created": 1_795_167_015, "choices": [choice], "usage": _usage(1)})

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            if request.headers.get("authorization") != f"Bearer {self.key}":
                raise Refused(refusal(401, "No auth credentials found"))
            return await handler(request)

        return checked


def _read(request: Recorded) -> dict[str, Any]:
    try:
        document = request.json
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise _bad("Invalid JSON body")
    return document


def _model(fields: Mapping[str, Any]) -> Model:
    model = MODELS.get(fields.get("model", ""))
    if model is None:
        raise Refused(refusal(404, f"No endpoints found for {fields.get('model')}"))
    return model


def _check_images(fields: Mapping[str, Any], model: Model) -> None:
    if not isinstance(fields.get("prompt"), str) or not fields["prompt"]:
        raise _bad("prompt: required")
    for name, value in fields.items():
        if name not in _ALWAYS | model.takes:
            raise _bad(f"{name}: not supported by this model")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise _bad(f"{name}: invalid option")
    if fields.get("stream") and not model.streams:
        raise _bad("stream: not supported by this model")
    for name, low, high in (("n", 1, model.most), ("output_compression", 0, 100), ("seed", 0, 2**32)):
        value = fields.get(name, low)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _bad(f"{name}: must be an integer from {low} to {high}")
    if "size" in fields and {"aspect_ratio", "resolution"} & fields.keys():
        raise _bad("size: conflicts with resolution or aspect_ratio")
    if "size" in fields and not (fields["size"] in TIERS or re.fullmatch(r"[1-9]\d{1,3}x[1-9]\d{1,3}", fields["size"])):
        raise _bad("size: must be a tier or pixels")
    if fields.get("background") == "transparent" and fields.get("output_format", "png") not in {"png", "webp"}:
        raise _bad("background: transparent needs png or webp")
    _check_references(fields.get("input_references", []), model)


def _check_references(references: Any, model: Model) -> None:
    if not isinstance(references, list) or len(references) > model.references:
        raise _bad("input_references: too many")
    for part in references:
        url = part.get("image_url", {}).get("url", "") if isinstance(part, dict) and part.get("type") == "image_url" else ""
        head, comma, data = url.partition(";base64,")
        try:
            if not comma or not head.startswith("data:image/"):
                raise ValueError(head)
            pictures.look(base64.b64decode(data, validate=True))
        except (ValueError, OSError):
            raise _bad("input_references: not a picture") from None


def _check_chat(fields: Mapping[str, Any], model: Model) -> str:
    """The prompt."""
    known = {"model", "messages", "modalities", "image_config", "user", "provider", "seed", "session_id"}
    if unknown := fields.keys() - known:
        raise _bad(f"{sorted(unknown)}: unknown")
    modalities = fields.get("modalities", [])
    if "image" not in modalities or ("text" in modalities and not model.words):
        raise Refused(refusal(404, "No endpoints found that support the requested output modalities"))
    config = fields.get("image_config", {})
    if config.get("aspect_ratio", "1:1") not in RATIOS or config.get("image_size", "1K") not in TIERS:
        raise _bad("image_config: invalid")
    (message,) = fields["messages"]
    text, *images = message["content"]
    _check_references(images, model)
    if message["role"] != "user" or text["type"] != "text" or not text["text"]:
        raise _bad("messages: invalid")
    prompt: str = text["text"]
    return prompt


def _picture(fields: Mapping[str, Any], model: Model, number: int) -> dict[str, Any]:
    size = _size(fields, model)
    if model.vector:
        return {"b64_json": base64.b64encode(vector(size)).decode(), "media_type": "image/svg+xml"}
    kind = fields.get("output_format", "png")
    data = drawn(size, number, kind, 0 if fields.get("background") == "transparent" else None)
    return {"b64_json": base64.b64encode(data).decode(), "media_type": f"image/{kind}"}


def _size(fields: Mapping[str, Any], model: Model) -> str:
    asked, tier = fields.get("aspect_ratio", "auto"), fields.get("resolution", "1K")
    references = fields.get("input_references", [])
    if "x" in (size := fields.get("size", "")):
        return model.table[nearest(model.table, size)] if model.only else size
    if asked == "auto":
        asked = size_of(references[0]["image_url"]["url"]) if references else "1:1"
    table = times(model.table, TIERS[size or tier] / 1024)
    return table[nearest(table, asked)] if table else about(asked, TIERS[size or tier] ** 2, 16)


def _usage(images: int) -> dict[str, Any]:
    return {
        "prompt_tokens": 9,
        "completion_tokens": 1290 * images,
        "total_tokens": 9 + 1290 * images,
        "completion_tokens_details": {"image_tokens": 1290 * images, "reasoning_tokens": 0},
        "cost": 0.039 * images,
    }


def _frame(document: Mapping[str, Any]) -> Piece:
    return Piece(b"data: " + orjson.dumps(document) + b"\n\n", label=str(document["type"]))


def _bad(message: str) -> Refused:
    return Refused(refusal(400, message))
