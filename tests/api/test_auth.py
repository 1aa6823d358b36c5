"""Keys from four headers: what is read, what is refused, and that a refusal tells nothing."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from imagegate.api.auth import Authenticator, HashedKeys, KeyStore, StaticKeys, check_model, presented_key
from imagegate.api.errors import ErrorWriter
from imagegate.domain.keys import Caller
from imagegate.errors import PermissionDenied, Unauthenticated

KEY = "ig-0123456789abcdef0123456789abcdef"
OTHER = "schlüssel-mit-umlaut"
ANN, BOB = Caller("ann"), Caller("bob")
HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


def headers(*pairs: tuple[str, str | bytes]) -> Headers:
    """Headers as the server hands them on: bytes, nothing decoded."""
    raw = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in pairs]
    return Headers(raw=raw)


def static() -> KeyStore:
    """Keys of a configuration."""
    return StaticKeys([(KEY, ANN), (OTHER, BOB)])


def hashed() -> KeyStore:
    """Keys that are known by their digest."""
    return by_digest([(KEY, ANN), (OTHER, BOB)])


def by_digest(keys: list[tuple[str, Caller]]) -> KeyStore:
    """Any keys, by their digest."""
    return HashedKeys([(hashlib.sha256(key.encode()).hexdigest(), caller) for key, caller in keys])


STORES: list[Callable[[], KeyStore]] = [static, hashed]


def answer(given: Headers, authenticator: Authenticator | None = None) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of the refusal."""
    with pytest.raises(Unauthenticated) as caught:
        (authenticator or Authenticator([static()])).caller(given)
    response = ErrorWriter().response(caught.value)
    return response.status_code, bytes(response.body), dict(response.headers)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("key", [KEY, OTHER])
def test_a_key_is_found_in_each_of_four_headers(store: Callable[[], KeyStore], key: str) -> None:
    authenticator = Authenticator([store()])
    for name in HEADERS:
        value = f"Bearer {key}" if name == "authorization" else key
        assert authenticator.caller(headers((name, value))) == (ANN if key == KEY else BOB)


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {KEY}",
        f"bearer {KEY}",
        f"BEARER  {KEY}  ",
        f"Bearer Bearer {KEY}",
        f"Bearer bearer  Bearer {KEY}",
        f'Bearer "{KEY}"',
        f"Bearer '{KEY}'",
        f'"Bearer {KEY}"',
        f"Bearer\t{KEY}",
        f'Bearer "Bearer {KEY}"',
    ],
)
def test_the_authorization_header_as_people_really_write_it(value: str) -> None:
    assert presented_key(headers(("authorization", value))) == KEY


@pytest.mark.parametrize("value", [KEY, f" {KEY} ", f'"{KEY}"', f"'{KEY}'", f"Bearer {KEY}", f'"Bearer {KEY}"'])
@pytest.mark.parametrize("name", HEADERS[1:])
def test_the_other_headers_as_people_really_write_them(name: str, value: str) -> None:
    assert presented_key(headers((name, value))) == KEY


@pytest.mark.parametrize(
    ("pairs", "key"),
    [
        ([("authorization", "Bearer one"), ("x-api-key", "two")], "one"),
        ([("authorization", ""), ("x-api-key", "two")], "two"),
        ([("authorization", "Bearer "), ("api-key", "two")], "two"),
        ([("authorization", "Basic dXNlcjpwdw=="), ("x-api-key", "two")], "two"),
        ([("x-api-key", "one"), ("api-key", "two"), ("x-goog-api-key", "three")], "one"),
        ([("x-api-key", " "), ("x-goog-api-key", "three")], "three"),
        ([("authorization", "Bearer one"), ("authorization", "Bearer two")], "one"),
    ],
)
def test_the_first_header_that_carries_a_key_counts(pairs: list[tuple[str, str]], key: str) -> None:
    assert presented_key(headers(*pairs)) == key


def test_a_wrong_key_is_not_saved_by_a_right_one_further_on() -> None:
    status, _, _ = answer(headers(("authorization", "Bearer wrong-0123456789"), ("x-api-key", KEY)))
    assert status == 401


MISSING: list[list[tuple[str, str | bytes]]] = [
    [],
    [("authorization", "")],
    [("authorization", " ")],
    [("authorization", "Bearer")],
    [("authorization", "Bearer ")],
    [("authorization", 'Bearer ""')],
    [("authorization", "Bearer Bearer")],
    [("authorization", "Basic dXNlcjpwdw==")],
    [("authorization", "Digest username=x")],
    [("authorization", KEY)],
    [("x-api-key", ""), ("api-key", " "), ("x-goog-api-key", "''")],
    [("x-openai-api-key", KEY)],
    [("cookie", f"key={KEY}")],
    [("authorization", "Bearer " * 150_000)],
    [("authorization", '"Bearer ' * 100_000)],
    [("x-api-key", "'" * 1_000_000)],
    [("authorization", " " * 1_000_000)],
]
WRONG: list[str | bytes] = [
    KEY[:-1],
    KEY + "0",
    KEY.upper(),
    "0" + KEY[1:],
    KEY[:-1] + "0",
    KEY + "\0",
    "\0",
    "' OR (SELECT pg_sleep(8))--",
    "é",
    "ключ".encode(),
    b"\xff\xfe\x80",
    "%00",
    "x" * 513,
    "x" * 1_000_000,
    "Bearer " * 150_000 + "x",
    " " * 500_000 + "x" * 500_000,
    "*",
    "{{7*7}}",
    "../../etc/passwd",
]


def test_without_a_key_there_is_one_constant_answer() -> None:
    authenticator = Authenticator([static()])
    answers = [answer(headers(*pairs), authenticator) for pairs in MISSING]
    assert [status for status, _, _ in answers] == [401] * len(MISSING)
    assert {body for _, body, _ in answers} == {answers[0][1]}
    assert b'"code":"missing_api_key"' in answers[0][1]


@pytest.mark.parametrize("store", STORES)
def test_every_wrong_key_gets_one_constant_answer(store: Callable[[], KeyStore]) -> None:
    authenticator = Authenticator([store()])
    bodies: set[bytes] = set()
    for value in WRONG:
        for name in HEADERS:
            raw = value if isinstance(value, bytes) else value.encode()
            status, body, _ = answer(headers((name, b"Bearer " + raw if name == "authorization" else raw)), authenticator)
            assert status == 401
            bodies.add(body)
    (body,) = bodies
    assert b'"code":"invalid_api_key"' in body


@given(st.binary(max_size=60), st.sampled_from(HEADERS))
@settings(deadline=None, max_examples=200)
def test_no_header_value_does_anything_else(value: bytes, name: str) -> None:
    status, body, _ = answer(headers((name, value)))
    assert status == 401
    assert len(body) < 200


def test_keys_with_a_long_common_beginning_are_two_keys() -> None:
    common = "k" * 40
    authenticator = Authenticator([StaticKeys([(common + "a", ANN), (common + "b", BOB)])])
    assert authenticator.caller(headers(("x-api-key", common + "a"))) == ANN
    assert authenticator.caller(headers(("x-api-key", common + "b"))) == BOB
    assert answer(headers(("x-api-key", common)), authenticator)[0] == 401


def test_stores_are_asked_in_order() -> None:
    authenticator = Authenticator([StaticKeys([(KEY, ANN)]), StaticKeys([(KEY, BOB), ("second-0123456789", BOB)])])
    assert authenticator.caller(headers(("x-api-key", KEY))) == ANN
    assert authenticator.caller(headers(("x-api-key", "second-0123456789"))) == BOB


def test_without_stores_nobody_comes_in() -> None:
    assert answer(headers(("x-api-key", KEY)), Authenticator([]))[0] == 401


@pytest.mark.parametrize("pairs", [[], [("x-api-key", "wrong")], [("authorization", "Basic x")]])
def test_where_no_key_is_required_everybody_is_anonymous(pairs: list[tuple[str, str | bytes]]) -> None:
    assert Authenticator([static()], required=False).caller(headers(*pairs)) == Caller("anonymous")


def test_where_no_key_is_required_a_known_one_still_counts() -> None:
    assert Authenticator([static()], required=False).caller(headers(("x-api-key", KEY))) == ANN


@pytest.mark.parametrize("store", STORES)
def test_stores_keep_and_show_no_key(store: Callable[[], KeyStore]) -> None:
    made = store()
    assert KEY not in repr(made)
    assert KEY not in repr(vars(made))


def test_digests_differ_between_processes() -> None:
    assert vars(StaticKeys([(KEY, ANN)])).items() != vars(StaticKeys([(KEY, ANN)])).items()


class Measured(str):
    """A text that notes how many characters are copied out of it, and out of the copies."""

    copied: list[int]

    @classmethod
    def of(cls, text: str, copied: list[int]) -> Measured:
        """``copied``: where it is noted."""
        measured = cls(text)
        measured.copied = copied
        return measured

    def _noted(self, text: str) -> Measured:
        self.copied.append(len(text))
        return Measured.of(text, self.copied)

    def __getitem__(self, key: Any) -> str:
        return self._noted(super().__getitem__(key))

    def strip(self, characters: str | None = None, /) -> str:
        return self._noted(super().strip(characters))

    def lstrip(self, characters: str | None = None, /) -> str:
        return self._noted(super().lstrip(characters))

    def removeprefix(self, prefix: str, /) -> str:
        return self._noted(super().removeprefix(prefix))

    def lower(self) -> str:
        return self._noted(super().lower())


class MeasuredHeaders(Headers):
    """Headers whose values are ``Measured``."""

    def __init__(self, *pairs: tuple[bytes, bytes]) -> None:
        super().__init__(raw=list(pairs))
        self.copied: list[int] = []

    def __getitem__(self, key: str) -> str:
        return Measured.of(super().__getitem__(key), self.copied)


def calls(work: Callable[[], object]) -> list[str]:
    """Names of the built-in functions that are called, in order: what is done, however fast the machine is."""
    seen: list[str] = []

    def note(_: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            seen.append(function.__name__)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return seen[:-1]  # without the last setprofile


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("piece", [b"x", b" ", b"Bearer ", b"'", b'" ', b"bearer\t"])
def test_the_work_for_a_key_grows_with_its_length_only(piece: bytes, name: str) -> None:
    given = MeasuredHeaders((name.encode(), b"Bearer " + piece * 20_000 + b"x"))
    made = calls(lambda: presented_key(given))
    length = 20_000 * len(piece)
    assert sum(given.copied) < 3 * length + 100
    assert len(made) < 2 * length + 100


@pytest.mark.parametrize("store", [StaticKeys, by_digest])
def test_the_place_of_the_wrong_byte_makes_no_difference(store: Callable[[list[tuple[str, Caller]]], KeyStore]) -> None:
    """Every key is compared, as a whole and by a function whose time does not tell, wherever the first wrong byte is."""
    made = store([(KEY, ANN), *((f"key-{number:040}", BOB) for number in range(20))])
    wrong = ["0" + KEY[1:], KEY[:-1] + "0", KEY[:16] + "0" + KEY[17:]]
    first, *others = [calls(partial(made.find, key)) for key in wrong]
    assert others == [first] * len(others)
    assert sum(name.endswith("compare_digest") for name in first) == 21


@pytest.mark.parametrize(
    ("globs", "model", "requested", "allowed"),
    [
        (("*",), "gpt-image-2", "gpt-image-2", True),
        (("gpt-*",), "gpt-image-2", "gpt-image-2", True),
        (("gpt-*",), "flux", "flux", False),
        (("gpt-image-?",), "gpt-image-2", "dall-e-3", True),
        (("dall-e-*",), "gpt-image-2", "dall-e-3", True),
        (("GPT-*",), "gpt-image-2", "gpt-image-2", False),
        (("gpt-image-2",), "gpt-image-2.5", "gpt-image-2.5", False),
        ((), "gpt-image-2", "gpt-image-2", False),
        (("a", "b*"), "bc", "bc", True),
    ],
)
def test_a_keys_models_are_globs_over_public_names(globs: tuple[str, ...], model: str, requested: str, allowed: bool) -> None:
    caller = Caller("ann", globs)
    if allowed:
        check_model(caller, model, requested)
        return
    with pytest.raises(PermissionDenied) as caught:
        check_model(caller, model, requested)
    assert caught.value.http_status == 403
    assert requested in caught.value.message


def test_a_refused_model_name_is_cut() -> None:
    with pytest.raises(PermissionDenied) as caught:
        check_model(Caller("ann", ()), "m", "x" * 10_000)
    assert len(caught.value.message) < 200
