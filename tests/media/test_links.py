from __future__ import annotations

import os
import string
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from imagegate.media.links import LinkSigner, load_or_create_secret

SECRET = bytes(range(32))
ID = "abcdefghijklmnopqrstuvwxyz234567"


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.5

    def __call__(self) -> float:
        return self.now


def signer(clock: Clock | None = None, secret: bytes = SECRET) -> LinkSigner:
    return LinkSigner(secret, 60, clock or Clock())


def query(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query))


def test_a_link_is_a_path_with_time_and_signature() -> None:
    link = signer().sign(ID, "png")
    assert urlsplit(link).path == f"/i/{ID}.png"
    assert query(link)["expires"] == "1700000060"
    assert len(query(link)["signature"]) == 43
    assert set(link) <= set(string.ascii_letters + string.digits + "/.?=&_-")


def test_our_own_link_is_good_until_it_expires() -> None:
    clock = Clock()
    links = signer(clock)
    asked = query(links.sign(ID, "png"))
    assert links.verify(ID, "png", asked)
    assert links.remaining(ID, "png", asked) == 60
    clock.now += 59
    assert links.remaining(ID, "png", asked) == 1
    clock.now += 1
    assert not links.verify(ID, "png", asked)


def test_another_worker_with_the_same_secret_accepts_it() -> None:
    assert signer().verify(ID, "png", query(signer().sign(ID, "png")))
    assert not signer(secret=os.urandom(32)).verify(ID, "png", query(signer().sign(ID, "png")))


@pytest.mark.parametrize(
    "change",
    [
        {"expires": "1700000061"},
        {"expires": "9" * 5000},
        {"expires": "-1"},
        {"expires": ""},
        {"expires": "١٧٠٠٠٠٠٠٦٠"},
        {"expires": "1e12"},
        {"signature": ""},
        {"signature": "A" * 43},
        {"signature": "ä" * 43},
        {"signature": "\udcff"},
        {"signature": "A" * 100_000},
    ],
)
def test_an_altered_query_is_refused(change: dict[str, str]) -> None:
    links = signer()
    assert not links.verify(ID, "png", {**query(links.sign(ID, "png")), **change})


def test_every_character_of_the_signature_counts() -> None:
    links = signer()
    asked = query(links.sign(ID, "png"))
    good = asked["signature"]
    for at, character in enumerate(good):
        other = "A" if character != "A" else "B"
        assert not links.verify(ID, "png", {**asked, "signature": good[:at] + other + good[at + 1 :]})
    assert not links.verify(ID, "png", {**asked, "signature": good[:-1]})


@pytest.mark.parametrize("name", [(ID[::-1], "png"), (ID, "jpg"), (ID + ".png", ""), ("\udcff", "png")])
def test_a_signature_is_for_one_name_only(name: tuple[str, str]) -> None:
    links = signer()
    assert not links.verify(*name, query(links.sign(ID, "png")))


@pytest.mark.parametrize("missing", ["expires", "signature"])
def test_a_query_without_a_part_is_refused(missing: str) -> None:
    links = signer()
    asked = query(links.sign(ID, "png"))
    del asked[missing]
    assert not links.verify(ID, "png", asked)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        LinkSigner(b"short", 60)


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "data" / "link-secret"
    secret = load_or_create_secret(path)
    assert len(secret) == 32
    assert load_or_create_secret(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_secret(tmp_path / "other") != secret


def test_many_at_once_get_the_same_secret_and_leave_no_drafts(tmp_path: Path) -> None:
    path = tmp_path / "link-secret"
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(load_or_create_secret, [path] * 40))
    assert len(secrets) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_file_that_is_no_secret_is_said_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "link-secret"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no link secret"):
        load_or_create_secret(path)
    assert path.read_bytes() == content
