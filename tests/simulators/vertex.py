"""Vertex AI as a simulator: generateContent as in the Gemini API, and Imagen's predict, below a project and a location.

Source: google-genai 3.4 (_api_client.py, models.py), cloud.google.com/vertex-ai/generative-ai/docs (REST, troubleshooting).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.auth import jwt

from tests.simulators import google_content as content
from tests.simulators import vertex_imagen as imagen
from tests.simulators.base import Handler, Recorded, Refused, Reply, RouteRow
from tests.simulators.gemini import GeminiSimulator
from tests.simulators.google_errors import BAD_KEY, TRIGGERS, error, reason, refused

TOKEN = "ya29.simulator-0123456789abcdef"
PROJECT = "simulated-project"
_SERVICE = "aiplatform.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_BAD_TOKEN = error(
    401,
    "UNAUTHENTICATED",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid credential.",
    reason("ACCESS_TOKEN_TYPE_UNSUPPORTED", _SERVICE),
)
_decode: Callable[..., Mapping[str, Any]] = jwt.decode


class VertexSimulator(GeminiSimulator):
    """``token``: the bearer token that is let in. ``key``: the API key. ``accounts``: public keys of service accounts by address.

    Options and words in prompts as in ``GeminiSimulator``; ``vertex_imagen`` has its own.
    """

    def __init__(self, token: str = TOKEN) -> None:
        super().__init__()
        self.token = token
        self.project = PROJECT
        self.accounts: dict[str, str] = {}

    @property
    def channel_options(self) -> dict[str, Any]:
        """What a channel says beside its key."""
        return {"project": self.project, "location": "us-central1"}

    @property
    def base_url(self) -> str:
        """With the version, as a channel has it."""
        return f"{self.url}/v1"

    def routes(self) -> Sequence[RouteRow]:
        """Both versions; without a project for API keys."""
        places = ("projects/{project}/locations/{location}/publishers/google/models", "publishers/google/models")
        return [
            ("POST", f"/{version}/{place}/{{call}}", self._let_in(self._answered))
            for version in ("v1", "v1beta1")
            for place in places
        ]

    async def _answered(self, request: Recorded) -> Reply:
        model, _, verb = request.path_params["call"].partition(":")
        where = request.path_params.get("location", "global")
        if verb == "predict" and model in imagen.MODELS and where != "global":
            content.refuse_if_asked(str(request.json.get("instances")), TRIGGERS)
            return content.as_json(imagen.answer(request, model))
        if verb in {"generateContent", "streamGenerateContent"} and model in content.MODELS:
            asked = content.read(request, model, vertex=True)
            content.refuse_if_asked(asked.prompt, TRIGGERS)
            return self.answered(asked, stream=verb.startswith("stream"), sse=request.query.get("alt") == "sse")
        name = f"projects/{self.project}/locations/{where}/publishers/google/models/{model}"
        raise refused(404, "NOT_FOUND", f"Publisher Model `{name}` was not found or your project does not have access to it.")

    def _let_in(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            project = request.path_params.get("project")
            api_key = request.headers.get("x-goog-api-key")
            if api_key is None:
                self._check_token(request)
            elif api_key != self.key:
                raise Refused(BAD_KEY)
            if project is None and api_key is None:
                raise refused(400, "INVALID_ARGUMENT", "Express mode needs an API key.")
            if project not in {None, self.project}:
                message = f"Permission 'aiplatform.endpoints.predict' denied on resource '//{_SERVICE}/projects/{project}'."
                raise refused(403, "PERMISSION_DENIED", message, reason("IAM_PERMISSION_DENIED", _SERVICE))
            return await handler(request)

        return checked

    def _check_token(self, request: Recorded) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not (token == self.token or self._signed(token)):
            raise Refused(_BAD_TOKEN)

    def _signed(self, token: str) -> bool:
        """Whether it is a token that a known service account signed for itself, and that still holds."""
        try:
            claims = _decode(token, verify=False)
            public = self.accounts[str(claims["iss"])]
            claims = _decode(token, certs=public)
        except (ValueError, KeyError):
            return False
        lives = claims["exp"] - claims["iat"] <= 3600 and claims["exp"] > time.time()
        return bool(lives and claims["sub"] == claims["iss"] and claims.get("scope") == _SCOPE)
