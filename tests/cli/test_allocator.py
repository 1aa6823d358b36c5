"""What is asked of the C library, and that there need not be one that takes it."""

from __future__ import annotations

from imagegate.cli.allocator import tune


class Glibc:
    """Remembers what it was asked."""

    def __init__(self, answer: int) -> None:
        self.asked: dict[int, int] = {}
        self._answer = answer

    def mallopt(self, option: int, value: int) -> int:
        self.asked[option] = value
        return self._answer


def test_the_options_are_those_of_mallopt() -> None:
    glibc = Glibc(1)
    assert tune(glibc)
    assert glibc.asked == {-8: 1, -3: 4 * 1024 * 1024, -1: 4 * 1024 * 1024}


def test_a_library_that_refuses_or_has_no_such_function_changes_nothing() -> None:
    assert not tune(Glibc(0))
    assert not tune(object())
