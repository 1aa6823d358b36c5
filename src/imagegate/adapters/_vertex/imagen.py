"""Imagen on Vertex AI: ``:predict``, whose answers are cut through.

Source: google-genai 3.4 (models.py: generate_images, edit_image), cloud.google.com/vertex-ai/generative-ai/docs (Imagen API).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from imagegate.adapters.google_shape.failures import error_inside, sentence
from imagegate.adapters.google_shape.fields import merged, plain, spellings
from imagegate.adapters.google_shape.payload import asked_size, aspect_ratio, ratios_and_tiers, tier
from imagegate.adapters.shape.typed import Kinds, typed
from imagegate.domain.capabilities import Capabilities, VendorFields
from imagegate.domain.events import CompletedImage, ImageBytes, ImageDetails, ImageEvent
from imagegate.domain.images import ImageRequest, InputImage, Operation
from imagegate.errors import BadResponse, ContentRefused, GatewayError
from imagegate.upstream.client import Answer
from imagegate.upstream.inline import InlineImage
from imagegate.upstream.jsonstream import CargoScanner, CargoStart, InvalidJson, ObjectEnd, Token

_CARGO = frozenset({"bytesBase64Encoded"})
_PARAMETERS = (
    "negativePrompt",
    "seed",
    "guidanceScale",
    "addWatermark",
    "personGeneration",
    "safetySetting",
    "language",
    "enhancePrompt",
    "includeSafetyAttributes",
    "aspectRatio",
    "sampleImageSize",
    "editMode",
    "outputOptions",
)
_PLACES: Mapping[str, tuple[str, ...]] = {
    **{plain(name): (name,) for name in _PARAMETERS},
    "imagesize": ("sampleImageSize",),
    "resolution": ("sampleImageSize",),
    "safetyfilterlevel": ("safetySetting",),
    "basesteps": ("editConfig", "baseSteps"),
    "outputmimetype": ("outputOptions", "mimeType"),
    "outputcompressionquality": ("outputOptions", "compressionQuality"),
}
_TIER_WORDS = ("imageSize", "sampleImageSize", "resolution")
_OTHER_WORDS = ("safetyFilterLevel", "outputMimeType", "outputCompressionQuality", "labels")
_EDIT_WORDS = frozenset({"editMode", "baseSteps", "maskMode", "maskDilation", "segmentationClasses"})
_TIER_WORDS_PLAIN = frozenset(map(plain, _TIER_WORDS))
_SIZE_WORDS = spellings(["aspectRatio", *_TIER_WORDS])
_TAKEN = spellings([*_PARAMETERS, *_OTHER_WORDS]) - spellings(_EDIT_WORDS)
_KINDS: Kinds = {
    "seed": int,
    "guidancescale": float,
    "addwatermark": bool,
    "enhanceprompt": bool,
    "includesafetyattributes": bool,
    "basesteps": int,
    "maskdilation": float,
    "outputcompressionquality": int,
}
_INSERT, _EDIT = "EDIT_MODE_INPAINT_INSERTION", "EDIT_MODE_DEFAULT"
_HELD_BACK = "The provider's safety system held the picture back; rephrase the prompt."
_NO_PICTURE = "The provider answered without a picture."
_NOT_JSON = "The provider answered with something that is not the JSON it should be."


def taken(row: Capabilities) -> VendorFields:
    """What ``body`` has a place for; a model that edits has more. Where pictures are left (``storageUri``) is not a caller's."""
    edits = spellings(_EDIT_WORDS) if Operation.EDIT in row.operations else frozenset()
    return VendorFields(only=_TAKEN | edits, sizes=_SIZE_WORDS)


def says_tier(extra: Mapping[str, Any]) -> bool:
    """Whether a caller's own fields name the resolution."""
    return not _TIER_WORDS_PLAIN.isdisjoint(map(plain, extra))


def body(
    request: ImageRequest, capabilities: Capabilities, mask: InputImage | None, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """A ``:predict`` body. ``mask``: black and white, white is what may change. Raises InvalidRequest for the size."""
    extra = typed({plain(name): value for name, value in request.extra.items()}, _KINDS)
    parameters: dict[str, Any] = {"includeRaiReason": True}
    for name, value in extra.items():
        if place := _PLACES.get(name):
            parameters = merged(parameters, {place[0]: {place[1]: value} if len(place) > 1 else value})
    if "seed" in parameters:
        parameters.setdefault("addWatermark", False)  # a seed with a watermark is refused
    instance: dict[str, Any] = {"prompt": request.prompt}
    if request.images:
        instance["referenceImages"] = _references(request, mask, extra)
        parameters.setdefault("editMode", _INSERT if len(instance["referenceImages"]) > 1 else _EDIT)
    parameters = merged(parameters, _mapped(request, capabilities, tier_said="sampleImageSize" in parameters))
    labels = {"labels": extra["labels"]} if "labels" in extra else {}
    return merged({"instances": [instance], "parameters": parameters, **labels}, overrides)


def _mapped(request: ImageRequest, capabilities: Capabilities, *, tier_said: bool) -> dict[str, Any]:
    ratios, tiers = ratios_and_tiers(capabilities)
    size = asked_size(request)
    output = {
        "mimeType": f"image/{request.output_format}" if request.output_format else None,
        "compressionQuality": request.output_compression,
    }
    known = {name: value for name, value in output.items() if value is not None}
    found = {
        "sampleCount": request.n,
        "aspectRatio": aspect_ratio(size, ratios),
        "sampleImageSize": tier(size, None if tier_said else request.quality, tiers),
        "outputOptions": known or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _references(request: ImageRequest, mask: InputImage | None, extra: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The picture, and the area that may change: the caller's mask, or one that Imagen finds (``mask_mode``)."""
    raw = {"bytesBase64Encoded": InlineImage(request.images[0]), "mimeType": request.images[0].media_type}
    references = [{"referenceType": "REFERENCE_TYPE_RAW", "referenceId": 1, "referenceImage": raw}]
    mode = "MASK_MODE_USER_PROVIDED" if mask else extra.get("maskmode")
    if mode is None:
        return references
    config = {"maskMode": mode, "dilation": extra.get("maskdilation"), "maskClasses": extra.get("segmentationclasses")}
    area: dict[str, Any] = {
        "referenceType": "REFERENCE_TYPE_MASK",
        "referenceId": 2,
        "maskImageConfig": {name: value for name, value in config.items() if value is not None},
    }
    if mask is not None:
        area["referenceImage"] = {"bytesBase64Encoded": InlineImage(mask), "mimeType": mask.media_type}
    return [*references, area]


async def events(answer: Answer) -> AsyncGenerator[ImageEvent]:
    """The pictures as they come. Raises ContentRefused when all were held back, BadResponse when there is none."""
    scanner = CargoScanner(_CARGO)
    made = 0
    async with aclosing(_tokens(answer, scanner)) as tokens:
        async for token in tokens:
            if isinstance(token, CargoStart):
                made += 1
                details = ImageDetails()
                yield CompletedImage(ImageBytes(_cargo(tokens, details)), details)
    try:
        document = scanner.close()
    except InvalidJson as error:
        raise BadResponse(_NOT_JSON) from error
    if made == 0:
        raise _nothing(document)


async def _tokens(answer: Answer, scanner: CargoScanner) -> AsyncGenerator[Token]:
    """Raises BadResponse, also to whoever drains a picture."""
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for token in scanner.feed(chunk):
                    yield token
    except InvalidJson as error:
        raise BadResponse(_NOT_JSON) from error


async def _cargo(tokens: AsyncIterator[Token], details: ImageDetails) -> AsyncIterator[bytes]:
    async for token in tokens:
        if isinstance(token, bytes):
            yield token
        elif isinstance(token, ObjectEnd):
            kind, _, name = str(token.fields.get("mimeType", "")).partition("/")
            details.output_format = name or None if kind == "image" else None
            prompt = token.fields.get("prompt")
            details.revised_prompt = prompt if isinstance(prompt, str) and prompt else None
            return
    raise BadResponse(_NOT_JSON)  # the text ended inside the picture or its object


def _nothing(document: Any) -> GatewayError:
    """Pictures that were held back are missing, or stand there with the reason."""
    if not isinstance(document, Mapping):
        return BadResponse(_NOT_JSON)
    if document.get("error"):
        return error_inside(document)
    predictions = document.get("predictions")
    items = [item for item in predictions if isinstance(item, Mapping)] if isinstance(predictions, list) else []
    reasons = [item["raiFilteredReason"] for item in items if item.get("raiFilteredReason")]
    if reasons or not items:
        return ContentRefused(sentence(next(iter(reasons), None), _HELD_BACK), code="moderation_blocked")
    return BadResponse(_NO_PICTURE)
