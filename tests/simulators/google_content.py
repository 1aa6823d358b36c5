"""What the Gemini API and Vertex AI share: how ``generateContent`` is checked and answered.

Source: google-genai 3.4 (types.py, models.py), ai.google.dev/gemini-api/docs (image-generation, troubleshooting), and published
captures of answers (2026).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.simulators.base import Piece, Recorded, Refused, Reply
from tests.simulators.google_errors import invalid, unknown_name
from tests.simulators.ratios import nearest
from tests.support import pictures
from tests.support.pictures import Colour, Size

FINAL: Colour = (30, 120, 220)
DRAFT: Colour = (240, 230, 40)
_TEN: Mapping[str, Size] = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
_ALL: Mapping[str, Size] = {**_TEN, "1:4": (512, 2048), "4:1": (2048, 512), "1:8": (384, 3072), "8:1": (3072, 384)}
_OLD: Mapping[str, Size] = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
_TIMES = {"512": 0.5, "1K": 1.0, "2K": 2.0, "4K": 4.0}


@dataclass(frozen=True, slots=True)
class ContentModel:
    """``shapes``: pixels at 1K. ``tiers``: empty when imageSize is refused. ``levels``: of thinking; empty: does not think."""

    shapes: Mapping[str, Size]
    tiers: tuple[str, ...] = ("1K", "2K", "4K")
    references: int = 14
    media_type: str = "image/jpeg"
    levels: tuple[str, ...] = ()


MODELS: Mapping[str, ContentModel] = {
    "gemini-nano-banana-2.1": ContentModel(_ALL, levels=("minimal", "medium", "high")),
    "gemini-3-pro-image": ContentModel(_TEN, levels=("minimal", "low", "medium", "high")),
    "gemini-3.1-flash-image": ContentModel(_ALL, ("512", "1K", "2K", "4K"), levels=("minimal", "high")),
    "gemini-3.1-flash-lite-image": ContentModel(_ALL, ("1K",)),
    "gemini-2.5-flash-image": ContentModel(_OLD, (), 3, "image/png"),
}

_TOP = frozenset(
    {"contents", "generationConfig", "safetySettings", "systemInstruction", "tools", "toolConfig", "cachedContent", "labels"}
)
_CONFIG = frozenset(
    {
        "responseModalities",
        "imageConfig",
        "responseFormat",
        "candidateCount",
        "seed",
        "temperature",
        "topP",
        "topK",
        "maxOutputTokens",
        "thinkingConfig",
        "mediaResolution",
        "stopSequences",
    }
)
_IMAGE = frozenset({"aspectRatio", "imageSize"})
_VERTEX_IMAGE = _IMAGE | {"personGeneration", "prominentPeople", "imageOutputOptions"}
_THINKING = frozenset({"thinkingLevel", "includeThoughts", "thinkingBudget"})
_PART = frozenset({"text", "inlineData", "fileData"})
_CATEGORIES = "HARM_CATEGORY_"
_VERBATIM = frozenset({"labels", "tools", "toolConfig"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was accepted. ``references``: decoded pictures in order."""

    model: str
    rules: ContentModel
    prompt: str
    size: Size
    media_type: str
    thoughts: bool
    text_too: bool
    references: list[bytes] = field(default_factory=list)


def read(request: Recorded, model: str, *, vertex: bool) -> Asked:
    """Check a body as Google does: names first, then values. Raises Refused."""
    try:
        body = camel(json.loads(request.body))
    except ValueError as error:
        raise invalid("Invalid JSON payload received. Unexpected token.") from error
    rules = MODELS[model]
    _names(body, _TOP, "")
    config = body.get("generationConfig", {})
    _names(config, _CONFIG, "generation_config")
    image = _image_options(config)
    _names(image, _VERTEX_IMAGE if vertex else _IMAGE, "generation_config.image_config")
    thinking = config.get("thinkingConfig", {})
    _names(thinking, _THINKING, "generation_config.thinking_config")
    _check_values(body, config, thinking, rules)
    prompt, references = _contents(body, rules)
    shape, tier = image.get("aspectRatio") or _followed(references, rules), image.get("imageSize", "1K")
    if shape not in rules.shapes:
        raise invalid(f"Invalid aspect ratio {shape!r}.", "generation_config.image_config.aspect_ratio")
    if "imageSize" in image and tier not in rules.tiers:
        raise invalid(f"Image size {tier} is not supported by this model.", "generation_config.image_config.image_size")
    width, height = rules.shapes[shape]
    size = int(width * _TIMES[tier]), int(height * _TIMES[tier])
    media_type = image.get("imageOutputOptions", {}).get("mimeType", rules.media_type)
    if media_type not in {"image/png", "image/jpeg"}:
        raise invalid(f"Unsupported output MIME type: {media_type}.")
    modalities = config.get("responseModalities", ["TEXT", "IMAGE"])
    thoughts = thinking.get("includeThoughts") is True
    return Asked(model, rules, prompt, size, media_type, thoughts, "TEXT" in modalities, references)


def _followed(references: Sequence[bytes], rules: ContentModel) -> str:
    """The ratio when none is asked for: that of the picture, else a square."""
    return nearest(rules.shapes, "{}x{}".format(*pictures.look(references[0]).size)) if references else "1:1"


def camel(value: Any) -> Any:
    """Proto JSON takes both spellings of a name; here it becomes one."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {_camel(name): item if _camel(name) in _VERBATIM else camel(item) for name, item in value.items()}


def snake(value: Any) -> Any:
    """The other way round, for answers of servers that write so."""
    if isinstance(value, list):
        return [snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): snake(item) for name, item in value.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _names(value: Any, known: frozenset[str], where: str) -> None:
    if not isinstance(value, dict):
        raise invalid(f"Invalid value at '{where}'.", where)
    for name in value:
        if name not in known:
            raise unknown_name(name, where)


def _image_options(config: Mapping[str, Any]) -> Any:
    newer = config.get("responseFormat")
    return newer.get("image", {}) if isinstance(newer, dict) else config.get("imageConfig", {})


def _check_values(body: Mapping[str, Any], config: Mapping[str, Any], thinking: Mapping[str, Any], rules: ContentModel) -> None:
    if config.get("candidateCount", 1) != 1:
        raise invalid("Multiple candidates is not enabled for this model.", "generation_config.candidate_count")
    if not isinstance(config.get("seed", 0), int):
        raise invalid("Invalid value at 'generation_config.seed' (TYPE_INT32).", "generation_config.seed")
    temperature = config.get("temperature", 1)
    if not isinstance(temperature, (int, float)) or not 0 <= temperature <= 2:
        raise invalid("temperature must be in the range [0.0, 2.0].", "generation_config.temperature")
    level = str(thinking.get("thinkingLevel", "")).lower()
    if level and level not in rules.levels:
        raise invalid(f"Thinking level {level.upper()} is not supported for this model.")
    for setting in body.get("safetySettings", []):
        if not str(setting.get("category", "")).startswith(_CATEGORIES):
            raise invalid("Invalid value at 'safety_settings[0].category'.", "safety_settings[0].category")


def _contents(body: Mapping[str, Any], rules: ContentModel) -> tuple[str, list[bytes]]:
    contents = body.get("contents") or []
    contents = contents if isinstance(contents, list) else [contents]
    parts = [part for content in contents for part in content.get("parts", [])]
    if not parts:
        raise invalid("* GenerateContentRequest.contents: contents is not specified", "contents")
    for number, part in enumerate(parts):
        _names(part, _PART, f"contents[0].parts[{number}]")
    references = [_picture(part["inlineData"], number) for number, part in enumerate(parts) if "inlineData" in part]
    if len(references) > rules.references:
        raise invalid(f"Please use fewer than {rules.references + 1} images in your request to this model.", "contents")
    return " ".join(part["text"] for part in parts if part.get("text")), references


def _picture(blob: Mapping[str, Any], number: int) -> bytes:
    where = f"contents[0].parts[{number}].inline_data"
    if blob.get("mimeType") not in {"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"}:
        raise invalid(f"Unsupported MIME type: {blob.get('mimeType')}", f"{where}.mime_type")
    try:
        text = str(blob.get("data", ""))
        data = base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
        pictures.look(data)
    except (binascii.Error, OSError) as error:
        raise invalid("Unable to process input image. Please retry or report.", where) from error
    return data


@cache
def drawn(media_type: str, size: Size, colour: Colour = FINAL) -> str:
    """Base64 of a plain picture."""
    kind = pictures.png(size, colour) if media_type == "image/png" else pictures.jpeg(size, colour)
    return base64.b64encode(kind).decode()


def picture_part(data: str, media_type: str, *, thought: bool = False, signature: str = "") -> dict[str, Any]:
    """An image part; ``thought`` stands behind the picture, as proto JSON may well write it."""
    part: dict[str, Any] = {"inlineData": {"mimeType": media_type, "data": data}}
    if thought:
        part["thought"] = True
    if signature:
        part["thoughtSignature"] = signature
    return part


def drafts(asked: Asked, count: int) -> list[dict[str, Any]]:
    """Pictures of a thinking model before its last one; flagged only when thoughts were asked for."""
    if not asked.rules.levels:
        return []
    data = drawn(asked.media_type, (256, 256), DRAFT)
    return [picture_part(data, asked.media_type, thought=asked.thoughts, signature="c2lnbmF0dXJl") for _ in range(count)]


def usage(asked: Asked, *, pictures_made: int = 1, thoughts: int = 0) -> dict[str, Any]:
    """As counted live: candidates are more than the sum of their details."""
    words, images = max(1, len(asked.prompt) // 4), 258 * len(asked.references)
    made = 1120 * pictures_made
    counted: dict[str, Any] = {
        "promptTokenCount": words + images,
        "candidatesTokenCount": made + 99,
        "totalTokenCount": words + images + made + 99 + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": words}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": made}],
    }
    if images:
        counted["promptTokensDetails"].append({"modality": "IMAGE", "tokenCount": images})
    if thoughts:
        counted["thoughtsTokenCount"] = thoughts
    return counted


def response(asked: Asked, parts: Any, *, reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    """A GenerateContentResponse with one candidate. ``more``: fields of the candidate."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0, **more}
    if reason:
        candidate["finishReason"] = reason
    return {
        "candidates": [candidate],
        "usageMetadata": usage(asked, thoughts=244 if asked.rules.levels else 0),
        "modelVersion": asked.model,
        "responseId": "simulated-response",
    }


def blocked_prompt(asked: Asked, reason: str, **more: str) -> dict[str, Any]:
    """No candidates at all."""
    return {
        "promptFeedback": {"blockReason": reason, **more},
        "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5},
        "modelVersion": asked.model,
        "responseId": "simulated-response",
    }


def as_json(document: Any) -> Reply:
    """Indented, as Google writes it."""
    body = json.dumps(document, indent=2, ensure_ascii=False).encode()
    return Reply.raw(body, "application/json; charset=UTF-8")


def as_events(documents: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Reply:
    """``data:`` frames with CRLF between them, and no ``[DONE]``."""
    pieces = [Piece(b"data: " + json.dumps(document).encode() + b"\r\n\r\n", label="frame") for document in documents]
    return Reply(200, pieces, {"content-type": "text/event-stream"})


def shaped(asked: Asked) -> dict[str, Any] | None:
    """Answers of a special shape, by a word in the prompt; None for the usual one."""
    last = picture_part(drawn(asked.media_type, asked.size), asked.media_type)
    draft = drawn(asked.media_type, (256, 256), DRAFT)
    message = "Unable to show the generated image. It was filtered out; try https://example.com/policy"
    special: Mapping[str, Any] = {
        "[prompt_block]": lambda: blocked_prompt(asked, "PROHIBITED_CONTENT"),
        "[prompt_other]": lambda: blocked_prompt(asked, "OTHER"),
        "[armor]": lambda: blocked_prompt(asked, "MODEL_ARMOR", blockReasonMessage="Blocked by Model Armor in projects/p-123"),
        "[image_safety]": lambda: response(asked, None, reason="IMAGE_SAFETY", finishMessage=message),
        "[empty_content]": lambda: _without_parts(asked, "IMAGE_PROHIBITED_CONTENT"),
        "[recitation]": lambda: response(asked, [], reason="IMAGE_RECITATION"),
        "[draft_then_block]": lambda: response(asked, [picture_part(draft, asked.media_type)], reason="IMAGE_SAFETY"),
        "[image_other]": lambda: response(asked, None, reason="IMAGE_OTHER"),
        "[no_image]": lambda: response(asked, [], reason="NO_IMAGE"),
        "[text_only]": lambda: response(asked, [{"text": "I would rather talk about it."}]),
        "[thoughts_only]": lambda: response(asked, [picture_part(draft, asked.media_type, thought=True)]),
        "[text_first]": lambda: response(asked, [{"text": "Here it is: "}, last, {"text": "a house."}]),
        "[drafts]": lambda: response(asked, [*[picture_part(draft, asked.media_type)] * 3, last]),
        "[thought_last]": lambda: response(asked, [last, picture_part(draft, asked.media_type, thought=True)]),
        "[empty_part]": lambda: response(asked, [picture_part("", asked.media_type), last]),
        "[signature]": lambda: response(asked, [{**last, "thoughtSignature": "QUJD" * 500_000}]),
        "[grounded]": lambda: response(asked, [last], groundingMetadata={"webSearchQueries": ["houses"]}),
        "[error_200]": lambda: {"error": {"code": 503, "status": "UNAVAILABLE", "message": "The model is overloaded."}},
    }
    made = next((make for word, make in special.items() if word in asked.prompt), None)
    document: dict[str, Any] | None = made() if made else None
    return document


def _without_parts(asked: Asked, reason: str) -> dict[str, Any]:
    document = response(asked, None, reason=reason)
    document["candidates"][0]["content"] = {}
    return document


def refuse_if_asked(prompt: str, triggers: Mapping[str, Reply]) -> None:
    """Raises Refused for a prompt with one of the words."""
    for word, reply in triggers.items():
        if word in prompt:
            raise Refused(reply)
