"""What the caller sees when the provider refuses or fails: the right status and retry hint, never the provider's own words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.api.bad_requests import Answer, Lab, check_shape
from tests.api.openai import shapes
from tests.simulators.base import Reply
from tests.simulators.openai import TRIGGERS
from tests.support import pictures

WORD, PRIVATE = "provider-words-7f3a", ("sk-abcdef0123456789", "org-abcdef0123", "https://internal.test/x")


class Seen(NamedTuple):
    """What the caller gets. ``retry``: ``x-should-retry``. ``wait``: ``retry-after`` in seconds."""

    status: int
    code: str
    type: str
    retry: str | None = None
    wait: str | None = None


AUTH = Seen(503, "upstream_auth_failed", "upstream_error", "false")
AMBIGUOUS = Seen(502, "upstream_ambiguous", "upstream_error", "false")
TIMEOUT = Seen(504, "upstream_timeout", "upstream_error", "false")
NONSENSE = Seen(502, "upstream_invalid_response", "upstream_error", "false")
LIMITED = Seen(429, "upstream_rate_limited", "rate_limit_error")
OVERLOADED = Seen(503, "upstream_unavailable", "upstream_error")
CALLER = Seen(400, "invalid_value", "invalid_request_error")

BY_WORD: dict[str, Seen] = {
    "[moderation]": Seen(403, "moderation_blocked", "image_generation_user_error"),
    "[policy]": Seen(403, "content_policy_violation", "image_generation_user_error"),
    "[rate_limit]": LIMITED._replace(wait="1"),
    "[quota]": AUTH,
    "[unverified]": AUTH,
    "[500]": AMBIGUOUS,
    "[503]": OVERLOADED,
    "[silence]": TIMEOUT,
    "[html]": NONSENSE,
    "[no_data]": NONSENSE,
    "[error_200]": NONSENSE,
}
BY_STATUS: list[tuple[int, dict[str, str], Seen]] = [
    (400, {}, CALLER),
    (401, {}, AUTH),
    (402, {}, AUTH),
    (403, {}, AUTH),
    (409, {}, CALLER),
    (413, {}, Seen(413, "request_too_large", "invalid_request_error")),
    (418, {}, NONSENSE),
    (422, {}, CALLER),
    (429, {}, LIMITED),
    (429, {"retry-after": "7"}, LIMITED._replace(wait="7")),
    (429, {"retry-after": "3600"}, LIMITED._replace(wait="120")),
    (429, {"retry-after": "soon"}, LIMITED),
    (429, {"retry-after": "-5"}, LIMITED),
    (429, {"retry-after": "9" * 400}, LIMITED),
    (429, {"retry-after": "Fri, 31 Dec 2199 23:59:59 GMT"}, LIMITED._replace(wait="120")),
    (429, {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, LIMITED._replace(wait="0")),
    (429, {"retry-after-ms": "1500"}, LIMITED._replace(wait="2")),
    (500, {}, AMBIGUOUS),
    (502, {}, AMBIGUOUS),
    (503, {"retry-after": "7200"}, OVERLOADED._replace(wait="120")),
    (504, {}, TIMEOUT),
    (529, {"retry-after": "3"}, OVERLOADED._replace(wait="3")),
    (302, {"location": "http://internal.test/"}, NONSENSE),
]
CALLERS_OWN = {400, 409, 422}
"""Here the provider speaks about the caller's request, so its sentence is passed on, without keys, accounts and addresses."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("gateway"), spare_models=200) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab) -> Lab:
    """The same for all tests, with models to spare; its simulator has seen nothing yet."""
    running.simulator.requests.clear()
    return running


def check(lab: Lab, answer: Answer, seen: Seen) -> None:
    """One plain JSON error with its real status and hints, after one call, and no word that the provider did not mean for us."""
    check_shape(answer, seen.status)
    error = answer.json["error"]
    assert (error["code"], error["type"], error["param"]) == (seen.code, seen.type, None)
    assert answer.headers.get("x-should-retry") == seen.retry
    assert answer.headers.get("retry-after") == seen.wait
    assert not {"x-ratelimit-limit-requests", "openai-organization", "location", "set-cookie"} & set(answer.headers)
    assert lab.simulator.calls == 1


def ask(lab: Lab, *, stream: bool, edit: bool = False, prompt: str = "a cat") -> Answer:
    """A request by a model of its own."""
    if not edit:
        return lab.generate(model=lab.spare_model(), prompt=prompt, stream=stream)
    return lab.edit(model=lab.spare_model(), prompt=prompt, stream=stream, image=pictures.data_url(shapes.PNG))


def test_every_word_of_the_simulator_has_a_row() -> None:
    assert set(BY_WORD) == set(TRIGGERS)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("edit", [False, True])
@pytest.mark.parametrize(("word", "seen"), BY_WORD.items(), ids=BY_WORD)
def test_the_providers_own_failures(lab: Lab, word: str, seen: Seen, edit: bool, stream: bool) -> None:
    check(lab, ask(lab, prompt=f"a cat {word}", stream=stream, edit=edit), seen)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("status", "headers", "seen"), BY_STATUS, ids=lambda value: str(value)[:40])
def test_any_status(lab: Lab, status: int, headers: dict[str, str], seen: Seen, stream: bool) -> None:
    error = {"message": f"The {WORD} of {' '.join(PRIVATE)} are wrong.", "type": "unheard_of", "param": None, "code": None}
    lab.simulator.fail_next(status, {"error": error}, {**headers, "set-cookie": "a=b", "openai-organization": "org-simulator"})
    answer = ask(lab, stream=stream)
    check(lab, answer, seen)
    assert not [secret for secret in PRIVATE if secret in repr(answer)]
    assert (WORD in answer.json["error"]["message"]) == (status in CALLERS_OWN)


BODIES = [
    b"",
    b"<html><title>502</title></html>",
    b"{",
    b"[]",
    b"null",
    b'{"error": []}',
    b'{"error": {"message": {"a": 1}, "code": 5}}',
]
BODIES += [
    b'{"error": "The size is unknown."}',
    b'{"detail": [{"loc": ["body"], "msg": "field required"}]}',
    b"\xff" * 70_000,
    b"x" * 200_000,
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize(("status", "seen"), [(400, CALLER), (401, AUTH), (429, LIMITED), (500, AMBIGUOUS)])
def test_any_body(lab: Lab, status: int, seen: Seen, body: bytes) -> None:
    lab.simulator.script(Reply.raw(body, "text/html", status=status))
    check(lab, ask(lab, stream=False), seen)


def test_a_refusal_of_a_parameter_names_it(lab: Lab) -> None:
    error = {
        "message": "Unknown parameter: 'sparkle'.",
        "type": "invalid_request_error",
        "param": "sparkle",
        "code": "unknown_parameter",
    }
    lab.simulator.fail_next(400, {"error": error})
    answer = lab.generate(sparkle=True)
    check_shape(answer, 400)
    assert answer.json["error"] == error


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("word", "code"), [("[moderation]", "moderation_blocked"), ("[policy]", "content_policy_violation")])
def test_an_operator_may_choose_openais_status_for_refused_content(tmp_path: Path, word: str, code: str, stream: bool) -> None:
    with Lab(tmp_path, spare_models=1, errors={"content_policy_status": 400}) as lab:
        answer = ask(lab, prompt=f"a cat {word}", stream=stream)
        check(lab, answer, Seen(400, code, "image_generation_user_error"))


@pytest.mark.parametrize("stream", [False, True])
def test_a_limited_key_is_not_asked_again_and_the_wait_is_told(lab: Lab, stream: bool) -> None:
    lab.simulator.fail_next(429, {}, {"retry-after": "60"})
    model = lab.spare_model()
    assert lab.generate(model=model).headers["retry-after"] == "60"
    answer = lab.generate(model=model, stream=stream)
    check_shape(answer, 429)
    assert 55 <= int(answer.headers["retry-after"]) <= 60
    assert lab.simulator.calls == 1
