"""Names of inputs that a channel gives."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from imagegate.adapters.hosted_shape.options import InputNames


def test_names_as_words_of_a_recipe() -> None:
    given = InputNames(image_field="photos", image_form="numbered", mask_field="area", count_field="num")
    assert given.names() == {"images": "photos", "several": "numbered", "mask": "area", "count": "num"}
    assert set(InputNames().names().values()) == {None}


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValidationError):
        InputNames.model_validate({"image_form": "heap"})
