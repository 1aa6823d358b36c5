"""What a key may use."""

from __future__ import annotations

import pytest

from imagegate.domain.keys import Caller


@pytest.mark.parametrize(
    ("globs", "model", "allowed"),
    [
        (("*",), "anything", True),
        ((), "anything", False),
        (("gpt-image-*",), "gpt-image-2", True),
        (("gpt-image-*",), "gpt-image", False),
        (("gpt-image-2",), "gpt-image-2.5", False),
        (("a", "b"), "b", True),
        (("GPT-*",), "gpt-image-2", False),
        (("flux-[12]",), "flux-2", True),
        (("flux-?",), "flux-10", False),
        (("gpt-image-2",), "gpt-image-2:openai", False),
        (("gpt-image-2*",), "gpt-image-2:openai", True),
        (("*",), "", True),
    ],
)
def test_a_glob_covers_a_whole_name_in_its_own_case(globs: tuple[str, ...], model: str, allowed: bool) -> None:
    assert Caller("dev", globs).may_use(model) is allowed


def test_a_new_key_may_use_everything() -> None:
    assert Caller("dev").may_use("gpt-image-2")
    assert Caller("dev").default_model is None
