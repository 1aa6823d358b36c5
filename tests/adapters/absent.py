"""Failures of the contract that a provider does not have, each with its reason; every other one is provoked."""

from __future__ import annotations

from collections.abc import Mapping

from tests.adapters.contract import Failure

ABSENT: Mapping[str, Mapping[Failure, str]] = {
    "sandbox": {
        Failure.NO_CREDIT: "nobody pays for it",
        Failure.NO_PICTURE: "it draws here, and always something",
        Failure.NOT_JSON: "it reads no answer",
    },
    "comfyui": {
        Failure.RATE_LIMIT: "the queue of one's own server takes every job",
        Failure.OVERLOADED: "the queue of one's own server takes every job",
        Failure.NO_CREDIT: "one's own server wants no money",
        Failure.CONTENT: "it has no filter",
    },
    "automatic1111": {
        Failure.RATE_LIMIT: "one's own server draws one request after the other",
        Failure.NO_CREDIT: "one's own server wants no money",
        Failure.CONTENT: "it has no filter",
    },
    "huggingface": {
        Failure.CONTENT: "the router has no answer for it, and of the providers behind it only fal's is known",
    },
}
"""By adapter."""
