from __future__ import annotations

import pytest

from imagegate.domain.capabilities import Capabilities, Decider, SizeRule, VendorFields
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.sizes import Tier
from imagegate.domain.vendor import lost, tier_beside, told

WORDS = {"seed": 7, "aspect_ratio": "1:1", "resolution": "2k", "style[name]": "x"}
TAKEN = VendorFields(only=frozenset({"seed", "style"}), sizes=frozenset({"aspect_ratio", "resolution"}))


def model(vendor: VendorFields = TAKEN, decided_by: Decider = Decider.CALLER) -> Capabilities:
    return Capabilities(frozenset(Operation), sizes=SizeRule(decided_by=decided_by), vendor=vendor)


def asked(size: str | None = None, **extra: object) -> ImageRequest:
    return ImageRequest(Operation.GENERATE, "m", "p", size=size, extra=extra or WORDS)


@pytest.mark.parametrize(
    ("size", "names"),
    [
        (None, ()),
        ("auto", ()),
        ("1024x1024", ("aspect_ratio", "resolution")),
        ("16:9", ("aspect_ratio",)),
        ("2K", ("resolution",)),
        ("square", ("aspect_ratio", "resolution")),
    ],
)
def test_what_a_size_leaves_unsaid(size: str | None, names: tuple[str, ...]) -> None:
    assert lost(asked(size), model()) == names


def test_what_is_not_taken_is_lost() -> None:
    request = ImageRequest(Operation.GENERATE, "m", "p", extra={"other": 1, "seed": 2, "n[]": 3})
    assert lost(request, model()) == ("other", "n[]")
    assert lost(asked(other=1), model(VendorFields(never=frozenset({"other"})))) == ("other",)
    assert lost(asked(other=1), model(VendorFields())) == ()


def test_where_nobody_asks_for_a_size_a_providers_words_cannot_either() -> None:
    assert lost(asked(), model(decided_by=Decider.INPUT)) == ("aspect_ratio", "resolution")


def test_the_tier_beside_a_ratio() -> None:
    assert tier_beside(asked(), model()) == ("resolution", Tier.K2)
    assert tier_beside(asked(resolution="huge"), model()) is None
    assert tier_beside(asked(), model(VendorFields())) is None


def test_names_fit_into_a_header() -> None:
    assert told(["a\r\nb: c", "é"]) == ["a??b:?c", "?"]
    assert told([f"f{number}" for number in range(60)])[-2:] == ["f49", "10-more"]
