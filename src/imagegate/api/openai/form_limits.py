"""How much a multipart form may hold."""

from __future__ import annotations

from dataclasses import dataclass

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class FormLimits:
    """Limits of one form; sizes in bytes.

    ``max_images``: reference pictures, empty ones not counted. ``max_files``: parts under a picture's name, empty ones too.
    ``max_reference_bytes``: one picture given as text (OpenAI's 20,971,520 characters and some slack);
    ``max_references_bytes``: all of them, because they stay in memory. ``max_padding_bytes``: whatever stands before, between
    and behind the parts and belongs to none.
    """

    max_images: int = 16
    max_image_bytes: int = 50 * _MIB
    max_files: int = 64
    max_reference_bytes: int = 20 * _MIB + 64 * _KIB
    max_references_bytes: int = 64 * _MIB
    max_fields: int = 100
    max_field_bytes: int = _MIB
    max_fields_bytes: int = 8 * _MIB
    max_name_bytes: int = 256
    max_part_headers: int = 16
    max_part_header_bytes: int = 8 * _KIB
    max_boundary_bytes: int = 200
    max_padding_bytes: int = 64 * _KIB

    @property
    def max_body_bytes(self) -> int:
        """The longest body that can be within the limits: all pictures, mask, markup, text and framing."""
        framing = self.max_padding_bytes + (self.max_files + self.max_fields) * self.max_part_header_bytes
        return (self.max_images + 2) * self.max_image_bytes + self.max_fields_bytes + framing
