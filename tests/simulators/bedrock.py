"""Amazon Bedrock's InvokeModel as a simulator: Nova Canvas, Titan and Stability's models, with signatures really checked.

Source: botocore 1.44 (bedrock-runtime 2023-09-30), docs.aws.amazon.com (Nova Canvas, Stability AI, Signature Version 4).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from tests.simulators.base import Recorded, Refused, Reply, RouteRow, Simulator
from tests.simulators.drawn import drawn
from tests.simulators.ratios import size_of
from tests.simulators.stability_sizes import RATIOS, made
from tests.support import pictures

ACCESS = "SIMULATEDACCESSKEY01"
SECRET_KEY = "simulator/secret+0123456789abcdefghijklmn"
SESSION = "simulator-session-token=="
API_KEY = "ABSKQmVkcm9ja0FQSUtleS1zaW11bGF0b3I="

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Service:
    """One of Stability's models: inputs that it needs, may have, and its pictures."""

    needs: frozenset[str] = frozenset({"prompt"})
    takes: frozenset[str] = frozenset()
    pictures: frozenset[str] = frozenset()
    ratio: bool = False


def _edit(*takes: str, needs: Sequence[str] = ("prompt", "image")) -> Service:
    return Service(frozenset(needs), frozenset(takes), frozenset({"image", "mask"}))


STABILITY: Mapping[str, Service] = {
    "stability.sd3-5-large-v1:0": Service(
        takes=frozenset({"mode", "image", "strength", "aspect_ratio"}), pictures=frozenset({"image"}), ratio=True
    ),
    "stability.stable-image-core-v1:1": Service(takes=frozenset({"aspect_ratio"}), ratio=True),
    "stability.stable-image-ultra-v1:1": Service(takes=frozenset({"aspect_ratio"}), ratio=True),
    "stability.stable-image-inpaint-v1:0": _edit("mask", "grow_mask", "style_preset"),
    "stability.stable-image-erase-object-v1:0": _edit("mask", "grow_mask", needs=("image",)),
    "stability.stable-image-search-replace-v1:0": _edit("grow_mask", needs=("prompt", "image", "search_prompt")),
    "stability.stable-image-search-recolor-v1:0": _edit("grow_mask", needs=("prompt", "image", "select_prompt")),
    "stability.stable-image-remove-background-v1:0": _edit(needs=("image",)),
    "stability.stable-outpaint-v1:0": _edit("left", "right", "up", "down", "creativity"),
    "stability.stable-image-control-sketch-v1:0": _edit("control_strength"),
    "stability.stable-image-control-structure-v1:0": _edit("control_strength"),
    "stability.stable-image-style-guide-v1:0": _edit("fidelity", "aspect_ratio"),
    "stability.stable-style-transfer-v1:0": Service(
        frozenset({"prompt", "init_image", "style_image"}), pictures=frozenset({"init_image", "style_image"})
    ),
    "stability.stable-fast-upscale-v1:0": _edit(needs=("image",)),
    "stability.stable-conservative-upscale-v1:0": _edit("creativity"),
    "stability.stable-creative-upscale-v1:0": _edit("creativity"),
}
_COMMON = frozenset({"seed", "negative_prompt", "output_format"})
PICTURES: Mapping[str, tuple[int, int]] = {"stability.stable-style-transfer-v1:0": (2, 2)}
"""Fewest and most reference pictures of models that do nothing with one."""
AMAZON = frozenset({"amazon.nova-canvas-v1:0", "amazon.titan-image-generator-v2:0", "amazon.titan-image-generator-v1"})
_PARAMS: Mapping[str, tuple[str, frozenset[str], frozenset[str]]] = {
    "TEXT_IMAGE": (
        "textToImageParams",
        frozenset({"text"}),
        frozenset({"negativeText", "conditionImage", "controlMode", "controlStrength", "style"}),
    ),
    "COLOR_GUIDED_GENERATION": (
        "colorGuidedGenerationParams",
        frozenset({"text", "colors"}),
        frozenset({"negativeText", "referenceImage"}),
    ),
    "IMAGE_VARIATION": ("imageVariationParams", frozenset({"images"}), frozenset({"text", "negativeText", "similarityStrength"})),
    "INPAINTING": ("inPaintingParams", frozenset({"image"}), frozenset({"text", "negativeText", "maskPrompt", "maskImage"})),
    "OUTPAINTING": (
        "outPaintingParams",
        frozenset({"image", "text"}),
        frozenset({"negativeText", "maskPrompt", "maskImage", "outPaintingMode"}),
    ),
    "BACKGROUND_REMOVAL": ("backgroundRemovalParams", frozenset({"image"}), frozenset()),
}
_FILTER = (
    "This request has been blocked by our content filters. Our filters automatically flagged this prompt because it may conflict "
    "our AUP or AWS Responsible AI Policy. Please adjust your text prompt to submit a new request."
)


def refusal(status: int, name: str, message: str) -> Reply:
    """An exception as the service sends it."""
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/", "x-amzn-requestid": str(uuid.uuid4())}
    return Reply.json({"message": message}, status=status, headers=headers)


TRIGGERS: Mapping[str, Reply] = {
    "[moderation]": refusal(400, "ValidationException", _FILTER),
    "[rate_limit]": refusal(429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "[quota]": refusal(403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "[service_quota]": refusal(400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account."),
    "[503]": refusal(503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
    "[not_ready]": refusal(429, "ModelNotReadyException", "The model specified in the request is not ready to serve."),
    "[500]": refusal(500, "InternalServerException", "The system encountered an unexpected error during processing."),
    "[model_error]": refusal(424, "ModelErrorException", "The request failed due to an error while processing the model."),
    "[timeout]": refusal(408, "ModelTimeoutException", "Model has timed out in processing the request."),
    "[expired]": refusal(403, "ExpiredTokenException", "The security token included in the request is expired"),
    "[html]": Reply.raw(b"<!doctype html>", "text/html"),
    "[no_data]": Reply.json({"images": [], "error": None}),
    "[null]": Reply.json({"images": None, "finish_reasons": None, "seeds": None}),
    "[all_filtered]": Reply.json(
        {"images": [], "error": "All of the generated images have been blocked by our content filters."}
    ),
    "[silence]": Reply.silence(),
}
"""A prompt that contains one of these words gets this answer, after its validation."""


class BedrockSimulator(Simulator):
    """``region``: what requests must be signed for. ``filtered``: numbers of the pictures that a filter takes away.

    ``picture``: bytes instead of drawn ones. ``key``: ``ACCESS:SECRET[:SESSION]``, or a Bedrock API key.
    """

    model_defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "stability.stable-image-search-replace-v1:0": {"search_prompt": "the house"},
        "stability.stable-image-search-recolor-v1:0": {"select_prompt": "the house"},
        "stability.stable-outpaint-v1:0": {"left": 64},
    }
    """Fields without which a model does nothing."""

    def __init__(self, key: str = f"{ACCESS}:{SECRET_KEY}", region: str = "us-west-2") -> None:
        super().__init__()
        self.key = key
        self.region = region
        self.filtered: frozenset[int] = frozenset()
        self.picture: bytes | None = None

    @property
    def base_url(self) -> str:
        """What a client takes as endpoint."""
        return self.url

    def routes(self) -> Sequence[RouteRow]:
        """InvokeModel."""
        return [("POST", "/model/{model:path}/invoke", self._invoke)]

    def not_found(self, request: Recorded) -> Reply:
        """An operation that there is not."""
        return refusal(404, "UnknownOperationException", "The operation does not exist.")

    async def _invoke(self, request: Recorded) -> Reply:
        self._check_key(request)
        name = re.sub(r"^(us|eu|apac)\.", "", request.path_params["model"])
        inputs = request.json
        if name in AMAZON:
            prompt = self._check_amazon(inputs)
        elif name in STABILITY:
            prompt = _check_stability(STABILITY[name], inputs)
        else:
            raise Refused(refusal(400, "ValidationException", "The provided model identifier is invalid."))
        for word, reply in TRIGGERS.items():
            if word in prompt:
                return reply
        answer = self._amazon(inputs) if name in AMAZON else self._stability(name, inputs)
        return Reply.json(answer, headers={"x-amzn-requestid": str(uuid.uuid4()), "x-amzn-bedrock-invocation-latency": "1200"})

    def _amazon(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        config = inputs.get("imageGenerationConfig", {})
        params = inputs[_PARAMS[inputs["taskType"]][0]]
        kept = pictures.look(base64.b64decode(params["image"])).size if "image" in params else (1024, 1024)
        size = f"{config.get('width', kept[0])}x{config.get('height', kept[1])}"
        wanted = [number for number in range(config.get("numberOfImages", 1)) if number not in self.filtered]
        images = [base64.b64encode(self.picture or drawn(size, number)).decode() for number in wanted]
        return {"images": images, "error": "Some images were blocked by our content filters." if self.filtered else None}

    def _stability(self, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        kind: Any = inputs.get("output_format", "png")
        source = inputs.get("image") or inputs.get("init_image")
        size = made(name, inputs, size_of(source) if source else None)
        image = base64.b64encode(self.picture or drawn(size, 0, kind)).decode()
        reason = "Filter reason: output image" if self.filtered else None
        return {"seeds": [inputs.get("seed") or 17], "finish_reasons": [reason], "images": [image]}

    def _check_amazon(self, inputs: Mapping[str, Any]) -> str:
        known = _PARAMS.get(str(inputs.get("taskType")))
        if known is None:
            raise _bad("Malformed input request: #/taskType is not a valid enum value")
        name, needs, takes = known
        params = inputs.get(name)
        if not isinstance(params, dict) or needs - params.keys():
            raise _bad(f"Malformed input request: #/{name}: required keys {sorted(needs)} not found")
        if unknown := sorted({*(params.keys() - needs - takes), *(inputs.keys() - {"taskType", name, "imageGenerationConfig"})}):
            raise _bad(f"Malformed input request: extraneous key {unknown} is not permitted")
        if len(params.get("text", "a")) > 1024 or not params.get("text", "a"):
            raise _bad("Malformed input request: #/text: expected maxLength: 1024")
        _check_config(inputs)
        for image in [
            *params.get("images", []),
            *(params[key] for key in ("image", "conditionImage", "referenceImage") if key in params),
        ]:
            _check_picture(image)
        if "maskImage" in params and pictures.look(_check_picture(params["maskImage"])).mode != "L":
            raise _bad("The mask image must consist of pure black and white pixels only.")
        if name in {"inPaintingParams", "outPaintingParams"} and not {"maskImage", "maskPrompt"} & params.keys():
            raise _bad("Malformed input request: a mask image or a mask prompt is required")
        return str(params.get("text", ""))

    def _check_key(self, request: Recorded) -> None:
        given = request.headers.get("authorization", "")
        if ":" not in self.key:
            if given != f"Bearer {self.key}":
                raise Refused(refusal(403, "AccessDeniedException", "Bearer token is invalid."))
            return
        found = _AUTHORIZATION.fullmatch(given)
        if found is None:
            raise Refused(refusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token"))
        access, secret, session = [*self.key.split(":", 2), ""][:3]
        if found[1] != access or request.headers.get("x-amz-security-token", "") != session:
            raise Refused(refusal(403, "UnrecognizedClientException", "The security token included in the request is invalid."))
        wanted = signature(request, found, secret)
        if (found[3], found[4]) != (self.region, "bedrock") or not hmac.compare_digest(wanted, found[6]):
            raise Refused(refusal(403, "InvalidSignatureException", "The request signature we calculated does not match."))


def signature(request: Recorded, claim: re.Match[str], secret: str) -> str:
    """Signature Version 4 of what arrived, by the documentation and without botocore."""
    date, region, service, names = claim[2], claim[3], claim[4], claim[5]
    path = quote("/".join(quote(part, safe="") for part in _segments(request)), safe="/~")
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in names.split(";"))
    canonical = "\n".join([request.method, path, "", headers, names, hashlib.sha256(request.body).hexdigest()])
    scope = f"{date}/{region}/{service}/aws4_request"
    stamp = request.headers["x-amz-date"]
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _segments(request: Recorded) -> list[str]:
    return ["", "model", request.path_params["model"], "invoke"]


def _check_stability(service: Service, inputs: Mapping[str, Any]) -> str:
    if missing := sorted(service.needs - inputs.keys()):
        raise _bad(f"Malformed input request: required key {missing} not found")
    if unknown := sorted(inputs.keys() - service.needs - service.takes - _COMMON):
        raise _bad(f"Malformed input request: extraneous key {unknown} is not permitted")
    if not 1 <= len(inputs.get("prompt", "a")) <= 10_000:
        raise _bad("Malformed input request: #/prompt: expected maxLength: 10000")
    if inputs.get("aspect_ratio", "1:1") not in RATIOS or inputs.get("output_format", "png") not in {"png", "jpeg", "webp"}:
        raise _bad("Malformed input request: not a valid enum value")
    if (inputs.get("mode") == "image-to-image") != ("image" in inputs and "mode" in service.takes):
        raise _bad("Malformed input request: image and mode go together")
    if not isinstance(inputs.get("seed", 0), int):
        raise _bad("Malformed input request: #/seed: expected type: Integer")
    for name in sorted(service.pictures & inputs.keys()):
        look = pictures.look(_check_picture(inputs[name]))
        if name == "mask" and look.mode != "L":
            raise _bad("Malformed input request: #/mask")
    return str(inputs.get("prompt", ""))


def _check_config(inputs: Mapping[str, Any]) -> None:
    config = inputs.get("imageGenerationConfig", {})
    if unknown := sorted(config.keys() - {"numberOfImages", "width", "height", "quality", "cfgScale", "seed"}):
        raise _bad(f"Malformed input request: extraneous key {unknown} is not permitted")
    if not 1 <= config.get("numberOfImages", 1) <= 5 or config.get("quality", "standard") not in {"standard", "premium"}:
        raise _bad("Malformed input request: #/imageGenerationConfig")
    width, height = config.get("width", 1024), config.get("height", 1024)
    if not all(isinstance(edge, int) and 320 <= edge <= 4096 for edge in (width, height)) or width * height > 4_194_304:
        raise _bad("Malformed input request: #/imageGenerationConfig/width")
    if not isinstance(config.get("seed", 0), int) or not isinstance(config.get("cfgScale", 6.5), (int, float)):
        raise _bad("Malformed input request: #/imageGenerationConfig/seed")


def _check_picture(text: Any) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
        pictures.look(data)
    except (ValueError, TypeError, OSError):
        raise _bad("Malformed input request: an image is invalid") from None
    return data


def _bad(message: str) -> Refused:
    return Refused(refusal(400, "ValidationException", message))
