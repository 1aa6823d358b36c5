"""What a picture has to be when the caller gets it, where the gateway can see to that itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CONVERTIBLE = ("png", "jpeg", "webp")
"""Formats that the gateway makes of any still picture."""


def converted(formats: Sequence[str]) -> tuple[str, ...]:
    """What the gateway makes of the pictures of a model with these ``formats``, beside them; nothing of drawings (SVG)."""
    pictures = not formats or any(name in CONVERTIBLE for name in formats)
    return tuple(name for name in CONVERTIBLE if pictures and name not in formats)


@dataclass(frozen=True, slots=True)
class Output:
    """``format``: one of ``CONVERTIBLE``. ``compression``: 0 to 100 as OpenAI means it, a quality; None is up to us.

    ``anew``: the provider was not asked for this compression, so a picture that has the format already is written again.
    """

    format: str
    compression: int | None = None
    anew: bool = False

    def is_met_by(self, found: str | None) -> bool:
        """Whether a picture whose first bytes show the format ``found`` can be handed on as it is."""
        return found == self.format and not self.anew
