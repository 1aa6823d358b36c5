from __future__ import annotations

import json

from imagegate.catalog.describe import describe
from imagegate.catalog.loader import Catalog
from imagegate.domain.capabilities import Capabilities, Decider, Price, SizeRule
from imagegate.domain.images import Operation


def test_a_model_with_fixed_sizes() -> None:
    rule = SizeRule(fixed=((64, 32),), auto=False)
    price = Price("2026-11", "a page", text_input=5.0, per_image={"*/*": 0.04})
    model = Capabilities(frozenset(Operation), max_n=2, sizes=rule, formats=("png",), retires="2026-12-01", price=price)
    described = describe(model)
    assert described["operations"] == ["edit", "generate"]
    assert described["sizes"] == {"fixed": ["64x32"], "auto": False, "policy": "nearest", "decided_by": "caller"}
    assert described["converted_formats"] == ["jpeg", "webp"]
    assert (described["max_n"], described["formats"], described["references"]) == (2, ["png"], 16)
    assert (described["mask"], described["retires"], described["partial_images"]) == (True, "2026-12-01", 0)
    known = {"currency": "USD", "date": "2026-11", "source": "a page", "text_input": 5.0, "per_image": {"*/*": 0.04}}
    assert described["price"] == known


def test_free_sizes_are_told_by_their_bounds_and_no_price_is_null() -> None:
    described = describe(Capabilities(frozenset(Operation), sizes=SizeRule(multiple=16, max_edge=2048)))
    assert (described["sizes"]["multiple"], described["sizes"]["max_edge"]) == (16, 2048)
    assert described["price"] is None


def test_sizes_that_nobody_can_ask_for_have_no_bounds_and_stand_where_they_hold() -> None:
    kept = SizeRule(decided_by=Decider.INPUT)
    described = describe(Capabilities(frozenset(Operation), edit_sizes=kept))
    assert described["edit_sizes"] == {"decided_by": "input", "auto": True, "policy": "nearest"}
    assert described["sizes"]["decided_by"] == "caller"
    assert "mask_sizes" not in described


def test_a_true_zero_is_told() -> None:
    price = Price("2026-11", "local", image_output=0.0)
    assert describe(Capabilities(frozenset(Operation), price=price))["price"]["image_output"] == 0


def test_every_row_becomes_json() -> None:
    catalog = Catalog.load()
    for adapter in catalog.adapters:
        for model in catalog.models(adapter):
            described = describe(catalog.capabilities(adapter, model))
            assert json.loads(json.dumps(described)) == described
