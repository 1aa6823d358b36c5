"""Azure OpenAI and Microsoft Foundry as a simulator: deployments, v1, FLUX.2 and MAI, on top of OpenAI's shape.

Source: openai-python 3.52 (lib/azure), litellm 1.109.1 (llms/azure, llms/azure_ai), Microsoft Learn (Foundry: MAI, FLUX).
"""

from __future__ import annotations

import base64
import dataclasses
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tests.simulators import openai_inputs, openai_rules
from tests.simulators.base import Handler, Recorded, Refused, Reply, RouteRow
from tests.simulators.drawn import drawn
from tests.simulators.openai import OpenAISimulator
from tests.simulators.openai_inputs import Inputs
from tests.simulators.openai_rules import Model
from tests.support import pictures

KEY = "0123456789abcdef0123456789abcdef"
_HEADERS = {"apim-request-id": "5f1d-77aa", "x-ms-region": "East US 2", "x-ratelimit-remaining-requests": "9"}
_FLUX_1: Mapping[str, Model] = {"FLUX-1.1-pro": Model(max_n=1), "FLUX.1-Kontext-pro": Model(max_n=1)}
_OLD: Mapping[str, str] = {"gpt-image-1": "gpt-image-1.5"}
"""Models that OpenAI no longer has, and whose rules they follow."""
_FLUX_FIELDS = frozenset({"prompt", "model", "n", "size", "output_format", "seed"})
_FLUX_2 = {"flux-2-pro": 8, "flux-2-flex": 10}
_FLUX_2_FIELDS = re.compile(
    "prompt|model|width|height|n|num_images|seed|output_format|safety_tolerance|aspect_ratio|guidance|steps"
    "|prompt_upsampling|input_image(_([2-9]|10))?"
)
_MAI_PIXELS = {"MAI-Image-2.7": 4_194_304, "MAI-Image-2.6": 2_359_296, "MAI-Image-2.6-Flash": 2_359_296}
_MAI = (*_MAI_PIXELS, "MAI-Image-2.5", "MAI-Image-2.5-Flash", "MAI-Image-2e", "MAI-Image-2")
_SAFE = {"filtered": False, "severity": "safe"}
_FILTERED = {"sexual": {"filtered": True, "severity": "high"}, "hate": _SAFE, "jailbreak": {"detected": False, "filtered": False}}
_POLICY = "This request has been blocked by our content filters."


def _error(status: int, code: str | None, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> Reply:
    return Reply.json({"error": {"code": code, "message": message, **more}}, status=status, headers=headers)


TRIGGERS: Mapping[str, Reply] = {
    "[filter]": Reply.json(
        {
            "created": 1718038500,
            "error": {"code": "contentFilter", "message": "Your task failed as a result of our safety system."},
        },
        status=400,
    ),
    "[policy]": _error(
        400,
        "content_policy_violation",
        _POLICY,
        type="invalid_request_error",
        param=None,
        inner_error={"code": "ResponsibleAIPolicyViolation", "content_filter_results": _FILTERED, "revised_prompt": None},
    ),
    "[inner]": Reply.json(
        {
            "error": {
                "code": None,
                "message": "The response was filtered.",
                "param": "prompt",
                "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": _FILTERED},
            }
        },
        status=400,
    ),
    "[moderation]": _error(
        400,
        "moderation_blocked",
        "Your request was rejected by the safety system.",
        type="image_generation_user_error",
        param=None,
    ),
    "[rate_limit]": _error(
        429,
        "429",
        "Requests to the ImageGenerations_Create Operation have exceeded call rate limit of your current pricing tier.",
        {"retry-after": "7", "retry-after-ms": "6900"},
    ),
    "[quota]": _error(403, "AccountSuspended", "The subscription of this resource is disabled."),
    "[500]": _error(500, "InternalServerError", "Backend returned unexpected response."),
    "[503]": _error(503, "ServiceUnavailable", "The service is temporarily unable to process your request."),
    "[html]": Reply.raw(b"<!doctype html><title>Our services aren't available right now</title>", "text/html"),
    "[no_data]": Reply.json({"created": 1, "data": []}),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class AzureSimulator(OpenAISimulator):
    """``deployments``: deployment name to model; every model is deployed under its own name. ``key``: also taken as a token."""

    def __init__(self, key: str = KEY) -> None:
        super().__init__(key)
        names = [*openai_rules.MODELS, *_OLD, *_FLUX_1, *_MAI, "FLUX.2-pro", "FLUX.2-flex"]
        self.deployments = {**{name: name for name in names}, "house": "gpt-image-2", "painter": "MAI-Image-2.5"}

    @property
    def base_url(self) -> str:
        """The resource."""
        return self.url

    def routes(self) -> Sequence[RouteRow]:
        """The endpoints; ``/files`` is where the urls of DALL·E answers point."""
        dated = "/openai/deployments/{deployment}/images"
        return [
            ("POST", f"{dated}/generations", self._keyed(self._generate)),
            ("POST", f"{dated}/edits", self._keyed(self._edit)),
            ("POST", "/openai/v1/images/generations", self._keyed(self._generate)),
            ("POST", "/openai/v1/images/edits", self._keyed(self._edit)),
            ("GET", "/openai/v1/models", self._keyed(self._models)),
            ("POST", "/providers/blackforestlabs/v1/{path}", self._keyed(self._flux_2)),
            ("POST", "/mai/v1/images/generations", self._keyed(self._mai_generate)),
            ("POST", "/mai/v1/images/edits", self._keyed(self._mai_edit)),
            ("GET", "/files/{name}", self._file),
        ]

    def not_found(self, request: Recorded) -> Reply:
        """Azure's 404."""
        return _error(404, "404", "Resource not found")

    def _accepted(self, request: Recorded, allowed: frozenset[str], default: str = "") -> tuple[Inputs, Model]:
        inputs = openai_inputs.read(request, self.stored)
        deployment = request.path_params.get("deployment") or str(inputs.fields.get("model"))
        if "deployment" in request.path_params and not re.fullmatch(r"20\d\d-\d\d-\d\d(-preview)?", _version(request)):
            raise Refused(self.not_found(request))
        name = self._model_of(deployment)
        fields = {field: value for field, value in inputs.fields.items() if field != "model"}
        model = _check_flux(fields, name) if name in _FLUX_1 else openai_rules.check(fields, _OLD.get(name, name), allowed)
        _check_prompt(fields)
        return dataclasses.replace(inputs, fields={**fields, "model": name}), model

    def _model_of(self, deployment: str) -> str:
        if deployment not in self.deployments:
            raise Refused(_error(404, "DeploymentNotFound", "The API deployment for this resource does not exist."))
        return self.deployments[deployment]

    async def _flux_2(self, request: Recorded) -> Reply:
        path = request.path_params["path"]
        if path not in _FLUX_2 or _version(request) != "preview":
            raise Refused(self.not_found(request))
        body = _json(request)
        if not self._model_of(str(body.get("model"))).lower().replace(".", "-").startswith(path):
            raise Refused(_error(400, "invalid_model", "The model does not fit the path."))
        if unknown := [name for name in body if not _FLUX_2_FIELDS.fullmatch(name)]:
            raise Refused(_error(400, "BadRequest", f"Extra inputs are not permitted: {unknown[0]}"))
        if body.get("num_images", body.get("n", 1)) != 1:
            raise Refused(_error(400, "BadRequest", "One image per request."))
        _check_prompt(body)
        references = [value for name, value in body.items() if name.startswith("input_image")]
        if len(references) > _FLUX_2[path]:
            raise Refused(_error(400, "BadRequest", "Too many reference images."))
        for reference in references:
            pictures.look(base64.b64decode(reference, validate=True))
        size = f"{body.get('width', 1024)}x{body.get('height', 1024)}"
        kind: pictures.Format = "jpeg" if body.get("output_format") == "jpeg" else "png"
        return self._one(size, kind)

    async def _mai_generate(self, request: Recorded) -> Reply:
        body = _json(request)
        name = self._mai_model(request, body, frozenset({"model", "prompt", "width", "height"}))
        width, height = body.get("width"), body.get("height")
        if not isinstance(width, int) or not isinstance(height, int):
            raise Refused(_error(400, "BadRequest", "'width' and 'height' are required."))
        for edge, value in (("width", width), ("height", height)):
            if value < 768:
                raise Refused(_error(400, "BadRequest", f"'{edge}' must be at least 768 pixels."))
        if width * height > _MAI_PIXELS.get(name, 1_048_576):
            raise Refused(_error(400, "BadRequest", "The picture has too many pixels."))
        return self._one(f"{width}x{height}", "png", _usage(images=0))

    async def _mai_edit(self, request: Recorded) -> Reply:
        if not request.is_form:
            raise Refused(_error(415, "UnsupportedMediaType", "multipart/form-data is expected."))
        name = self._mai_model(request, request.fields, frozenset({"model", "prompt"}))
        if name in {"MAI-Image-2", "MAI-Image-2e"}:
            raise Refused(_error(400, "BadRequest", "This model does not edit images."))
        if [part.name for part in request.files] != ["image"]:
            raise Refused(_error(400, "BadRequest", "Exactly one image is needed."))
        pictures.look(request.files[0].data)
        return self._one("1024x1024", "png", _usage(images=1))

    def _mai_model(self, request: Recorded, body: Mapping[str, Any], allowed: frozenset[str]) -> str:
        if _version(request) != "preview":
            raise Refused(self.not_found(request))
        name = self._model_of(str(body.get("model")))
        if name not in _MAI or body.keys() - allowed:
            raise Refused(_error(400, "BadRequest", f"Not understood: {sorted(body.keys() - allowed) or name}"))
        _check_prompt(body)
        return name

    def _one(self, size: str, kind: pictures.Format, usage: Mapping[str, Any] | None = None) -> Reply:
        item = {"b64_json": base64.b64encode(self.picture or drawn(size, kind=kind)).decode()}
        document = {"created": int(time.time()), "data": [item]}
        return Reply.json({**document, "usage": usage} if usage else document)

    def _keyed(self, handler: Handler) -> Handler:
        async def checked(request: Recorded) -> Reply:
            try:
                given = {request.headers.get("api-key"), request.headers.get("authorization", "").removeprefix("Bearer ")}
                if self.key not in given:
                    text = (
                        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key."
                    )
                    raise Refused(_error(401, "401", text))
                reply = await handler(request)
            except Refused as no:
                reply = no.reply
            return dataclasses.replace(reply, headers={**_HEADERS, **reply.headers})

        return checked


def _version(request: Recorded) -> str:
    return request.query.get("api-version", "")


def _json(request: Recorded) -> dict[str, Any]:
    try:
        return {name: value for name, value in request.json.items() if value is not None}
    except orjson.JSONDecodeError as error:
        raise Refused(_error(400, "BadRequest", "Invalid JSON")) from error


def _check_prompt(fields: Mapping[str, Any]) -> None:
    if not fields.get("prompt"):
        raise Refused(_error(400, "missing_required_parameter", "Missing required parameter: 'prompt'.", param="prompt"))
    for word, reply in TRIGGERS.items():
        if word in str(fields["prompt"]):
            raise Refused(reply)


def _check_flux(fields: Mapping[str, Any], name: str) -> Model:
    if unknown := fields.keys() - _FLUX_FIELDS:
        raise Refused(_error(400, "BadRequest", f"Extra inputs are not permitted: {sorted(unknown)[0]}"))
    return _FLUX_1[name]


def _usage(images: int) -> dict[str, Any]:
    return {"num_input_text_tokens": 9, "num_input_image_tokens": 700 * images, "num_output_tokens": 1024}
