"""Uploaded and fetched bytes become input pictures, once they have proved to be some."""

from __future__ import annotations

from dataclasses import dataclass

from imagegate.domain.images import InputImage
from imagegate.errors import InvalidRequest, TooLarge
from imagegate.media.dimensions import Dimensions, dimensions
from imagegate.media.sniff import extension, format_name, sniff
from imagegate.media.spool import Spool
from imagegate.media.wholeness import is_cut_off

_LONGER_HEADS = (512 * 1024, 4 * 1024 * 1024)
"""Bytes that are read when a header does not end within the spool's head: EXIF previews, ICC profiles, animations."""
_MEASURED = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_ROLES = frozenset({"mask", "markup"})


@dataclass(frozen=True, slots=True)
class InspectionLimits:
    """What is taken. ``sniff`` False: anything that is not empty. ``formats``: as in ``png``, ``jpeg``, ``webp``.

    ``max_bytes``: of one file. ``max_pixels``: of all frames of one picture together.
    """

    sniff: bool = True
    formats: tuple[str, ...] = ("png", "jpeg", "webp")
    max_bytes: int = 50 * 1024**2
    max_pixels: int = 50_000_000


class ImageInspector:
    """Looks at a file's first bytes, never at its pixels; no decoder is involved."""

    def __init__(self, limits: InspectionLimits) -> None:
        self._limits = limits

    async def inspect(self, content: Spool, *, param: str, index: int) -> InputImage:
        """The picture. ``param`` names the field in errors; ``index`` is its place among the references.

        Raises TooLarge (``image_too_large``) or InvalidRequest (``invalid_image_file``, ``unsupported_image``,
        ``image_too_many_pixels``).
        """
        if content.size == 0:
            raise InvalidRequest(f"The picture in '{param}' is empty.", param=param, code="invalid_image_file")
        if content.size > self._limits.max_bytes:
            message = f"The picture in '{param}' has more than {self._limits.max_bytes / 1024**2:g} MiB; send a smaller one."
            raise TooLarge(message, param=param, code="image_too_large")
        media_type = sniff(content.head)
        if not self._limits.sniff:
            assumed = media_type or "image/png"
            return InputImage(content, assumed, _filename(param, index, assumed))
        if media_type is None or format_name(media_type) not in self._limits.formats:
            raise self._unsupported(media_type, param)
        found = await _measure(content, media_type)
        if found is None:
            if media_type in _MEASURED:
                message = f"The picture in '{param}' is damaged: its size cannot be read."
                raise InvalidRequest(message, param=param, code="invalid_image_file")
            return InputImage(content, media_type, _filename(param, index, media_type))
        self._check_pixels(found, media_type, param)
        if await is_cut_off(content, media_type):
            message = f"The picture in '{param}' is damaged: its end is missing; send the whole file."
            raise InvalidRequest(message, param=param, code="invalid_image_file")
        return InputImage(content, media_type, _filename(param, index, media_type), found.width, found.height, found.has_alpha)

    def _unsupported(self, media_type: str | None, param: str) -> InvalidRequest:
        taken = ", ".join(self._limits.formats)
        what = "no picture that we know" if media_type is None else f"{format_name(media_type)}"
        message = f"The file in '{param}' is {what}; send one of: {taken}."
        return InvalidRequest(message, param=param, code="unsupported_image")

    def _check_pixels(self, found: Dimensions, media_type: str, param: str) -> None:
        limit = self._limits.max_pixels
        uncounted = media_type == "image/webp" and found.frames is None
        if uncounted or found.width * found.height * (found.frames or 1) > limit:
            frames = "an animation too long to count" if uncounted else f"{found.frames or 1} frame(s)"
            message = (
                f"The picture in '{param}' has {found.width}x{found.height} pixels and {frames}; {limit:,} pixels are taken."
            )
            raise InvalidRequest(message, param=param, code="image_too_many_pixels")


def check_mask(mask: InputImage, first_image: InputImage) -> None:
    """A mask is a PNG with transparency, as large as the first picture; what could not be told passes.

    Source: OpenAI's ``mask`` ("fully transparent areas indicate where image should be edited … valid PNG file … same
    dimensions as image"). Raises InvalidRequest with ``invalid_mask`` or ``invalid_mask_dimensions``.
    """
    if mask.media_type != "image/png":
        message = f"The mask must be a PNG with transparent areas; this one is {format_name(mask.media_type)}."
        raise InvalidRequest(message, param="mask", code="invalid_mask")
    if mask.has_alpha is False:
        message = "The mask has no transparency; make the areas transparent that are to be edited."
        raise InvalidRequest(message, param="mask", code="invalid_mask")
    size, expected = (mask.width, mask.height), (first_image.width, first_image.height)
    if None not in (*size, *expected) and size != expected:
        message = (
            f"The mask has {size[0]}x{size[1]} pixels and the first picture {expected[0]}x{expected[1]}; they must be equal."
        )
        raise InvalidRequest(message, param="mask", code="invalid_mask_dimensions")


async def _measure(content: Spool, media_type: str) -> Dimensions | None:
    """From the head; with more bytes where that does not tell everything a check needs."""
    found = dimensions(content.head)
    for length in _LONGER_HEADS:
        if media_type not in _MEASURED or not _lacks(found, media_type) or content.size <= len(content.head):
            break
        found = dimensions(await content.beginning(length)) or found
    return found


def _lacks(found: Dimensions | None, media_type: str) -> bool:
    if found is None:
        return True
    return (media_type == "image/png" and None in (found.has_alpha, found.frames)) or (
        media_type == "image/webp" and found.frames is None
    )


def _filename(param: str, index: int, media_type: str) -> str:
    role = param.partition("[")[0]
    return f"{role if role in _ROLES else f'image-{index}'}.{extension(media_type)}"
