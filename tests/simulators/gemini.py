"""The Gemini API as a simulator: generateContent, streamGenerateContent and models, on ``/v1beta`` and ``/v1``.

Source: google-genai 3.4 (_api_client.py, models.py, types.py), ai.google.dev/gemini-api/docs.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

from tests.simulators import google_content as content
from tests.simulators.base import Handler, Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.google_content import Asked
from tests.simulators.google_errors import BAD_KEY, NO_KEY, TRIGGERS, error, refused

__all__ = ["KEY", "GeminiSimulator"]

KEY = "AIzaSimulator0123456789abcdef"


class GeminiSimulator(Simulator):
    """``picture``: bytes to answer instead of a drawn one. ``drafts``: how many a thinking model streams before its picture.

    ``snake_case``: answers are spelt so, as some gateways do. Prompts with a word of ``google_errors.TRIGGERS`` fail as it
    says, those of ``google_content.shaped`` get an answer of that shape.
    """

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.picture: bytes | None = None
        self.drafts = 2
        self.snake_case = False

    @property
    def base_url(self) -> str:
        """With the version, as a channel has it."""
        return f"{self.url}/v1beta"

    def routes(self) -> Sequence[RouteRow]:
        """Both versions."""
        return [
            row
            for version in ("v1beta", "v1")
            for row in (
                ("POST", f"/{version}/models/{{call}}", self._with_key(self._call)),
                ("GET", f"/{version}/models", self._with_key(self._models)),
                ("GET", f"/{version}/models/{{model}}", self._with_key(self._model)),
            )
        ]

    def not_found(self, request: Recorded) -> Reply:
        """Google's front end answers other paths with a page."""
        return Reply.raw(b"<!doctype html><title>Error 404 (Not Found)!!1</title>", "text/html; charset=UTF-8", status=404)

    async def _call(self, request: Recorded) -> Reply:
        model, _, verb = request.path_params["call"].partition(":")
        if model not in content.MODELS or verb not in {"generateContent", "streamGenerateContent"}:
            raise refused(
                404, "NOT_FOUND", f"models/{model} is not found for API version v1beta, or is not supported for {verb}."
            )
        asked = content.read(request, model, vertex=False)
        content.refuse_if_asked(asked.prompt, TRIGGERS)
        return self.answered(asked, stream=verb.startswith("stream"), sse=request.query.get("alt") == "sse")

    def answered(self, asked: Asked, *, stream: bool, sse: bool) -> Reply:
        """The answer in its form: one object, events, or (a stream without ``alt=sse``) a list."""
        documents = [self._spelled(document) for document in self._documents(asked, stream=stream)]
        if not stream:
            return content.as_json(documents[0])
        return content.as_events(documents) if sse else content.as_json(documents)

    def _documents(self, asked: Asked, *, stream: bool) -> Iterator[dict[str, Any]]:
        special = content.shaped(asked)
        if special is not None:
            yield special
        elif stream:
            yield from self._frames(asked)
        else:
            words = [{"text": "Here it is."}] if asked.text_too else []
            yield content.response(asked, [*words, self._last(asked)])

    def _frames(self, asked: Asked) -> Iterator[dict[str, Any]]:
        """As captured: each picture in a frame of its own, then an empty text with the reason to stop."""
        if asked.thoughts:
            yield content.response(asked, [{"text": "**Composing**", "thought": True}], reason=None)
        for part in content.drafts(asked, self.drafts):
            yield content.response(asked, [part], reason=None)
        yield content.response(asked, [self._last(asked)], reason=None)
        yield content.response(asked, [{"text": ""}])

    def _last(self, asked: Asked) -> dict[str, Any]:
        data = base64.b64encode(self.picture).decode() if self.picture else content.drawn(asked.media_type, asked.size)
        return content.picture_part(data, asked.media_type, signature="c2lnbmF0dXJl" if asked.rules.levels else "")

    def _spelled(self, document: dict[str, Any]) -> dict[str, Any]:
        spelt: dict[str, Any] = content.snake(document) if self.snake_case else document
        return spelt

    async def _models(self, request: Recorded) -> Reply:
        return content.as_json({"models": [_row(name) for name in content.MODELS]})

    async def _model(self, request: Recorded) -> Reply:
        name = request.path_params["model"]
        if name not in content.MODELS:
            return error(404, "NOT_FOUND", f"Model is not found: models/{name} for api version v1beta")
        return content.as_json(_row(name))

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            given = request.headers.get("x-goog-api-key") or request.query.get("key")
            if not given:
                raise Refused(NO_KEY)
            if given != self.key:
                raise Refused(BAD_KEY)
            return await handler(request)

        return checked


def _row(name: str) -> dict[str, Any]:
    methods = ["generateContent", "countTokens", "batchGenerateContent"]
    return {"name": f"models/{name}", "version": "1", "displayName": name, "supportedGenerationMethods": methods}
