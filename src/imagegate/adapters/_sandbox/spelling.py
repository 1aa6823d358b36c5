"""What Pillow's own font can write, and what stands in for what it cannot.

The font (Aileron, a subset) has ASCII and a few typographic signs. Accents are left off, everything else, such as
Chinese or emoji, becomes a code point that is drawn as a little box: less than a font, more than a row of equal squares.
"""

from __future__ import annotations

import unicodedata

from PIL import ImageFont

Piece = str | int
"""A run of text that the font has, or the code point of a character that it lacks."""

_STAND_INS = str.maketrans(
    {
        "×": "x", "—": "-", "–": "-", "−": "-", "‐": "-", "‑": "-", "•": "·", "→": "->", "←": "<-", "ß": "ss",
        "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i",
        "€": "EUR", "£": "GBP", "„": '"', "‚": "'", "′": "'", "″": '"', "¿": "?", "¡": "!",
        "。": ".", "、": ",",
    }
)  # fmt: skip
_INVISIBLE = frozenset({"Mn", "Me", "Cf"})
_NO_CHARACTER = "\uffff"


class Speller:
    """Knows which glyphs ``font`` has, and learns as it goes; any size will do."""

    def __init__(self, font: ImageFont.FreeTypeFont) -> None:
        self._font = font
        self._spellings: dict[str, tuple[Piece, ...]] = {}
        self._known: dict[str, bool] = {" ": True}

    def pieces(self, character: str) -> tuple[Piece, ...]:
        """A character as the font can write it; nothing for signs that have no shape of their own."""
        if character not in self._spellings:
            self._spellings[character] = self._spell(character)
        return self._spellings[character]

    def _spell(self, character: str) -> tuple[Piece, ...]:
        category = unicodedata.category(character)
        if category in _INVISIBLE:
            return ()
        if category == "Cs":
            return (ord(character),)
        for spelling in (character, character.translate(_STAND_INS), _without_accents(character)):
            if spelling and all(map(self._has, spelling)):
                return (spelling,)
        return (ord(character),)

    def _has(self, character: str) -> bool:
        if character not in self._known:
            self._known[character] = self._shape(character) != self._shape(_NO_CHARACTER)
        return self._known[character]

    def _shape(self, character: str) -> bytes:
        mask = self._font.getmask(character)
        return bytes(mask) + repr(mask.size).encode()


def _without_accents(character: str) -> str:
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")
