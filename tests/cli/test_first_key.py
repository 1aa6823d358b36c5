"""The owner's key: made once, shown once, never kept in clear."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Barrier

import pytest
from starlette.datastructures import Headers

from imagegate.api.auth import Authenticator, HashedKeys
from imagegate.cli.first_key import FirstKey, load_or_create
from imagegate.errors import Unauthenticated


def test_a_new_key_is_given_once_and_opens_the_gateway(tmp_path: Path) -> None:
    path = tmp_path / "data" / "first-key.json"
    made = load_or_create(path)
    assert made.clear is not None
    assert made.clear.startswith("sk-ig-")
    assert len(made.clear) == len("sk-ig-") + 32
    assert made.last == made.clear[-4:]
    assert made.sha256 == sha256(made.clear.encode()).hexdigest()
    again = load_or_create(path)
    assert again == FirstKey(made.sha256, made.last, None)
    for key in (made, again):
        door = Authenticator([HashedKeys([key.stored])])
        assert door.caller(Headers({"authorization": f"Bearer {made.clear}"})).key_name == "first-key"
        with pytest.raises(Unauthenticated):
            door.caller(Headers({"authorization": f"Bearer {made.clear[:-1]}"}))


def test_the_file_holds_no_key_and_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "first-key.json"
    made = load_or_create(path)
    assert made.clear is not None
    text = path.read_text()
    assert made.clear not in text
    assert made.clear.removeprefix("sk-ig-")[:8] not in text
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["first-key.json"]


def test_two_first_starts_have_two_keys(tmp_path: Path) -> None:
    assert load_or_create(tmp_path / "a.json").clear != load_or_create(tmp_path / "b.json").clear


def test_of_many_that_start_at_once_one_makes_the_key(tmp_path: Path) -> None:
    path, start = tmp_path / "first-key.json", Barrier(8)

    def begin(_: int) -> FirstKey:
        start.wait(5)
        return load_or_create(path)

    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(begin, range(8)))
    assert len({key.sha256 for key in keys}) == 1
    assert len([key for key in keys if key.clear is not None]) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["first-key.json"]


DIGEST = "0" * 64


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        json.dumps({"sha256": DIGEST}).encode(),
        json.dumps({"sha256": None, "last": "abcd"}).encode(),
        json.dumps({"sha256": "short", "last": "abcd"}).encode(),
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "first-key.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"first-key\.json is damaged; delete it to get a new key"):
        load_or_create(path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the folder's place")
    with pytest.raises(OSError, match="data"):
        load_or_create(tmp_path / "data" / "first-key.json")
