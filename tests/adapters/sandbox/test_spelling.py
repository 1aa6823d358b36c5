from __future__ import annotations

import pytest

from imagegate.adapters._sandbox.lettering import Lettering
from imagegate.adapters._sandbox.spelling import Piece, Speller


@pytest.mark.parametrize(
    ("character", "pieces"),
    [
        ("a", ("a",)),
        ("é", ("e",)),
        ("Ł", ("L",)),
        ("→", ("->",)),
        ("Ｆ", ("F",)),
        ("中", (0x4E2D,)),
        ("한", (0xD55C,)),
        ("Ж", (0x416,)),
        ("🦊", (0x1F98A,)),
        ("\ud800", (0xD800,)),
        ("\u200d", ()),
        ("\u0301", ()),
    ],
)
def test_what_the_font_makes_of_a_character(character: str, pieces: tuple[Piece, ...]) -> None:
    assert Speller(Lettering().font(16)).pieces(character) == pieces
