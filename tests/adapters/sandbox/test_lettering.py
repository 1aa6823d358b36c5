from __future__ import annotations

from PIL import Image

from imagegate.adapters._sandbox.lettering import Lettering, Line, pen_on

WHITE = (255, 255, 255, 255)


def drawn(text: str, size: int = 24) -> Image.Image:
    picture = Image.new("RGB", (400, 60))
    lettering = Lettering()
    for line in lettering.wrap(text, size, 390):
        lettering.draw(pen_on(picture), (5, 40), line, size, WHITE)
    return picture


def text_of(lines: list[Line]) -> list[list[str | int]]:
    return [[piece for _, piece in line.pieces] for line in lines]


def test_words_are_wrapped_and_blanks_are_one_space() -> None:
    lines = Lettering().wrap("one  two\n\tthree four", 20, 90)
    assert text_of(lines) == [["one", "two"], ["three", "four"]]
    assert all(0 < line.width <= 90 for line in lines)


def test_long_words_are_broken() -> None:
    lines = Lettering().wrap("w" * 100, 20, 90)
    assert "".join(str(piece) for line in text_of(lines) for piece in line) == "w" * 100
    assert len(lines) > 10
    assert all(line.width <= 90 for line in lines)


def test_boxes_wrap_without_blanks() -> None:
    lines = Lettering().wrap("中" * 20, 20, 100)
    assert [len(line.pieces) for line in lines] == [5, 5, 5, 5]


def test_nothing_to_write() -> None:
    assert Lettering().wrap(" \u200d\n", 20, 100) == []


def test_different_characters_look_different() -> None:
    pictures = {drawn(text).tobytes() for text in ("a", "b", "中", "国", "🦊", "🦋")}
    assert len(pictures) == 6


def test_small_boxes_have_no_digits() -> None:
    assert drawn("中", 10).tobytes() == drawn("国", 10).tobytes() != Image.new("RGB", (400, 60)).tobytes()


def test_an_ellipsis_keeps_within_the_width() -> None:
    lettering = Lettering()
    (line,) = lettering.wrap("some words here", 20, 400)
    for width in (400, 120, 60, 30, 1):
        short = lettering.ellipsis(line, 20, width)
        assert short.pieces[-1][1] == "…"
        assert short.width <= max(width, lettering.width("…", 20))
