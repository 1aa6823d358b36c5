"""Replicate's predictions as events."""

from __future__ import annotations

from typing import Any

import pytest

from imagegate.adapters.hosted_shape.predictions import ended, pictures, reason
from imagegate.domain.events import CompletedImage, Finished, ImageLink
from imagegate.errors import Ambiguous, BadResponse, ContentRefused, GatewayError, InvalidRequest

URL = "https://replicate.delivery/a.webp"


def links(prediction: dict[str, Any]) -> list[str]:
    found = [event.source for event in pictures(prediction) if isinstance(event, CompletedImage)]
    return [source.url for source in found if isinstance(source, ImageLink)]


@pytest.mark.parametrize(
    ("prediction", "over"),
    [
        ({"status": "starting"}, False),
        ({"status": "processing", "output": None}, False),
        ({"status": "processing", "output": [URL]}, False),
        ({"status": "processing", "output": URL}, True),
        ({"status": "succeeded"}, True),
        ({"status": "failed"}, True),
        ({"status": "canceled"}, True),
        ({"status": "aborted"}, True),
        ({}, False),
    ],
)
def test_when_it_is_over(prediction: dict[str, Any], over: bool) -> None:
    assert ended(prediction) is over


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (URL, [URL]),
        ([URL, URL], [URL, URL]),
        ([{"url": URL}, {"image": URL}, 7, None, "text"], [URL, URL]),
        ({"images": [URL]}, [URL]),
        ("data:image/png;base64,AA==", ["data:image/png;base64,AA=="]),
    ],
)
def test_outputs(output: Any, found: list[str]) -> None:
    assert links({"status": "succeeded", "output": output}) == found


@pytest.mark.parametrize("output", [None, "", [], {}, "a text", 7, [None]])
def test_no_picture(output: Any) -> None:
    with pytest.raises(BadResponse):
        list(pictures({"status": "succeeded", "output": output}))


def test_metrics_are_told() -> None:
    *_, last = pictures({"status": "succeeded", "output": URL, "metrics": {"predict_time": 1.5}})
    assert last == Finished(extra={"metrics": {"predict_time": 1.5}})
    assert len(list(pictures({"status": "processing", "output": URL, "metrics": None}))) == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("flagged as sensitive. Please try again with different inputs. (E005)", ContentRefused),
        ("NSFW content detected. Try running it again.", ContentRefused),
        ("The input is invalid (E006)", InvalidRequest),
        ("Service is unavailable due to high demand. (E003)", Ambiguous),
        ("CUDA out of memory", Ambiguous),
        ("insfwhatever E005", Ambiguous),
        (None, Ambiguous),
        ({"odd": 1}, Ambiguous),
    ],
)
def test_reasons(error: Any, kind: type[GatewayError]) -> None:
    assert type(reason({"status": "failed", "error": error})) is kind
