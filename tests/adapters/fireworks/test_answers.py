"""Pictures inside JSON; raw ones are tested with the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._fireworks.answers import from_json
from imagegate.domain.events import ImageBytes
from imagegate.errors import BadResponse, ContentRefused, GatewayError


@pytest.mark.parametrize("base64", [["QUJD"], "QUJD", ["data:image/png;base64,QUJD", "QUJE"]])
async def test_the_first_picture(base64: Any) -> None:
    picture = from_json({"base64": base64, "seed": 7, "finishReason": "SUCCESS"})
    assert isinstance(picture.source, ImageBytes)
    assert b"".join([chunk async for chunk in picture.source.chunks]) == b"QUJD"
    assert picture.details.extra == {"seed": 7}


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"finishReason": "CONTENT_FILTERED", "base64": ["QUJD"]}, ContentRefused),
        ({"base64": []}, BadResponse),
        ({"base64": [7]}, BadResponse),
        ([], BadResponse),
    ],
)
def test_no_picture(document: Any, kind: type[GatewayError]) -> None:
    with pytest.raises(kind):
        from_json(document)
