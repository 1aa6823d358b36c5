from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from imagegate.catalog.rows import PriceRow, Row, SizesRow
from imagegate.domain.capabilities import Capabilities, Decider, SizePolicy, SizeRule, VendorFields
from imagegate.domain.images import Operation


def test_what_a_row_leaves_out_keeps_the_domains_defaults() -> None:
    assert Row.model_validate({"operations": ["edit"]}).capabilities() == Capabilities(frozenset({Operation.EDIT}))
    assert SizesRow().rule() == SizeRule()


def test_every_field_of_the_domain_can_be_written() -> None:
    written = set(Row.model_fields) - {"notes", "vendor_fields"}
    assert written == set(Capabilities.__dataclass_fields__) - {"vendor"}
    assert set(SizesRow.model_fields) == set(SizeRule.__dataclass_fields__)


def test_sizes_of_edits_and_the_fields_that_a_model_takes() -> None:
    row = Row.model_validate(
        {
            "operations": ["generate", "edit"],
            "edit_sizes": {"fixed": ["64x64"]},
            "mask_sizes": {"decided_by": "input", "policy": "strict"},
            "vendor_fields": ["seed"],
        }
    ).capabilities()
    assert row.edit_sizes == SizeRule(fixed=((64, 64),))
    assert row.mask_sizes == SizeRule(decided_by=Decider.INPUT, policy=SizePolicy.STRICT)
    assert row.vendor == VendorFields(only=frozenset({"seed"}))


def test_a_price_keeps_its_day() -> None:
    price = PriceRow.model_validate({"date": date(2026, 11, 2), "source": "a page", "per_image": {"*/1024x1024": 0.04}}).price()
    assert (price.date, price.per_image, price.text_input) == ("2026-11-02", {"*/1024x1024": 0.04}, None)


@pytest.mark.parametrize(
    "price",
    [
        {"source": "a page"},
        {"date": "2026-11"},
        {"date": "soon", "source": "a page"},
        {"date": "2026-11", "source": "a page", "text_input": 0},
        {"date": "2026-11", "source": "a page", "text_input": -1},
        {"date": "2026-11", "source": "a page", "text_input": "5"},
        {"date": "2026-11", "source": "a page", "per_image": {"low/1024x1024": 0}},
        {"date": "2026-11", "source": "a page", "per_image": {"low 1024x1024": 1}},
    ],
)
def test_prices_are_dated_sourced_and_not_zero(price: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PriceRow.model_validate(price)


def test_local_pictures_may_cost_nothing() -> None:
    assert PriceRow.model_validate({"date": "2026-11", "source": "local", "text_input": 0}).price().text_input == 0


@pytest.mark.parametrize(
    "sizes",
    [
        {"fixed": ["1024"]},
        {"fixed": ["0x1024"]},
        {"fixed": ["1024 x 1024"]},
        {"fixed": ["auto"]},
        {"min_edge": 65, "max_edge": 127, "multiple": 64},
        {"min_pixels": 100, "max_pixels": 99},
        {"max_edge": 10, "min_pixels": 101},
        {"max_ratio": 0.5},
        {"policy": "closest"},
        {"decided_by": "chance"},
        {"decided_by": "input", "fixed": ["64x64"]},
        {"decided_by": "model", "multiple": 8},
        {"auto": "yes"},
    ],
)
def test_sizes_that_no_picture_can_have_are_refused(sizes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SizesRow.model_validate(sizes)


@pytest.mark.parametrize(
    "row",
    [
        {"operations": []},
        {"operations": ["edit"], "formats": ["jpg"]},
        {"operations": ["edit"], "backgrounds": ["white"]},
        {"operations": ["edit"], "partial_images": 4},
        {"operations": ["edit"], "retires": "2026-01-02"},
        {"operations": ["edit"], "mask": "true"},
        {"operations": ["edit"], "parameters": ["size"]},
        {"operations": ["edit"], "default_response_format": "both"},
    ],
)
def test_values_that_the_product_does_not_know_are_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Row.model_validate(row)
