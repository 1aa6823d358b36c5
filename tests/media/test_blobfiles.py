from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagegate.media import blobfiles

OLD, NOW = 1_000.0, 2_000.0


def place(root: Path, name: str, modified: float, size: int = 10) -> Path:
    draft = blobfiles.temporary_path(root, name)
    blobfiles.append(draft, bytes(size))
    final = blobfiles.final_path(root, name)
    blobfiles.publish(draft, final, modified)
    return final


def test_a_published_file_has_its_name_time_and_mode(tmp_path: Path) -> None:
    path = place(tmp_path, "abcdef.png", NOW)
    assert path == tmp_path / "ab" / "cd" / "abcdef.png"
    assert path.stat().st_mtime == NOW
    assert path.stat().st_mode & 0o777 == 0o600
    assert list((tmp_path / blobfiles.TEMPORARY).iterdir()) == []


def test_publishing_what_is_not_there_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        blobfiles.publish(tmp_path / "tmp" / "abcd.png", tmp_path / "ab" / "cd" / "abcd.png", NOW)


def test_read_gives_the_part_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    assert blobfiles.read(path, 3, 4) == b"3456"
    assert blobfiles.read(path, 8, 100) == b"89"
    assert blobfiles.read(path, 10, 1) == b""


def test_a_visit_deletes_old_files_and_empty_directories_and_counts_the_rest(tmp_path: Path) -> None:
    old = place(tmp_path, "aaaa1.png", OLD)
    alone = place(tmp_path, "bbbb1.png", OLD)
    kept = place(tmp_path, "aaaa2.png", NOW, size=7)
    found = blobfiles.visit(tmp_path, after="", older_than=NOW, limit=None)
    assert (found.deleted, found.seen, found.kept, found.last) == (2, 3, {"aa": 7, "bb": 0}, "")
    assert (old.exists(), kept.exists()) == (False, True)
    assert not alone.parent.parent.exists()


def test_a_visit_stops_at_its_limit_and_goes_on_behind_it(tmp_path: Path) -> None:
    for name in ("aaaa1.png", "aaaa2.png", "bbbb1.png", "cccc1.png"):
        place(tmp_path, name, OLD)
    first = blobfiles.visit(tmp_path, after="", older_than=NOW, limit=1)
    assert (first.deleted, first.last) == (2, "aa")
    second = blobfiles.visit(tmp_path, after=first.last, older_than=NOW, limit=2)
    assert (second.deleted, second.last) == (2, "")


def test_a_visit_of_nothing_is_empty(tmp_path: Path) -> None:
    assert blobfiles.visit(tmp_path / "none", after="", older_than=NOW, limit=None).seen == 0
    (tmp_path / "zz").write_bytes(b"a stray file")
    assert blobfiles.visit(tmp_path, after="", older_than=NOW, limit=None).kept == {"zz": 0}


def test_a_link_out_of_the_store_is_removed_without_touching_its_target(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"keep")
    link = tmp_path / "store" / "ab" / "cd" / "abcd.png"
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    os.utime(link, (OLD, OLD), follow_symlinks=False)
    assert blobfiles.visit(tmp_path / "store", after="", older_than=NOW, limit=None).deleted == 1
    assert target.read_bytes() == b"keep"


def test_only_abandoned_temporary_files_go(tmp_path: Path) -> None:
    abandoned, fresh = (blobfiles.temporary_path(tmp_path, name) for name in ("aaaa.png", "bbbb.png"))
    for path, modified in ((abandoned, OLD), (fresh, NOW)):
        blobfiles.append(path, b"half")
        os.utime(path, (modified, modified))
    assert blobfiles.visit_temporary(tmp_path, NOW) == 1
    assert (abandoned.exists(), fresh.exists()) == (False, True)
