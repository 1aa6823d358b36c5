"""A finished job in the history."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters._comfyui.history import done
from imagegate.adapters._comfyui.options import ComfyuiOptions
from imagegate.domain.events import ImageLink
from imagegate.errors import Ambiguous, BadResponse, GatewayError


def test_a_chosen_node_and_names_that_need_quoting() -> None:
    file = {"filename": "a&b c.png", "subfolder": "x/y", "type": "temp"}
    job = {"outputs": {"3": {"images": [file, None, {}]}, "9": {"images": [{"filename": "z.png", "type": "output"}]}}}
    (picture,) = done(job, 2, ComfyuiOptions(output_node="3"), "http://h:1")
    assert picture.source == ImageLink("http://h:1/view?filename=a%26b+c.png&subfolder=x%2Fy&type=temp")


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"outputs": None}, BadResponse),
        ({"outputs": {"9": {"images": None}}, "status": {"status_str": "success"}}, BadResponse),
        ({"outputs": {"9": {"images": [{"filename": "z.png"}]}}, "status": {"status_str": "error"}}, Ambiguous),
    ],
)
def test_a_job_without_files(entry: dict[str, Any], kind: type[GatewayError]) -> None:
    with pytest.raises(kind):
        done(entry, 1, ComfyuiOptions(), "http://h:1")
