"""The key that a server without configuration makes for its owner: shown once, kept as a digest."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from imagegate.domain.keys import Caller
from imagegate.settings.environment import OWN_KEY_PREFIX

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FirstKey:
    """``clear``: the key itself, only in the process that just made it. ``last``: its last four characters."""

    sha256: str
    last: str
    clear: str | None = None

    @property
    def stored(self) -> tuple[str, Caller]:
        """Digest and caller for the key store."""
        return self.sha256, Caller("first-key")


def load_or_create(path: Path) -> FirstKey:
    """The key in this file (mode 0600), or a new one of 192 random bits. Raises ValueError when the file is damaged, OSError.

    Any number of processes may call it at once: the complete file is linked to its name, and the first one wins.
    """
    try:
        held = json.loads(path.read_text())
        sha256, last = held["sha256"], held["last"]
        if not _SHA256.fullmatch(sha256):
            raise ValueError("no digest")
        return FirstKey(sha256, str(last))
    except FileNotFoundError:
        return _create(path)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged; delete it to get a new key") from error


def _create(path: Path) -> FirstKey:
    clear = OWN_KEY_PREFIX + secrets.token_urlsafe(24)
    key = FirstKey(hashlib.sha256(clear.encode()).hexdigest(), clear[-4:], clear)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"sha256": key.sha256, "last": key.last}, file)
        path.hardlink_to(draft)
    except FileExistsError:
        return load_or_create(path)
    finally:
        draft.unlink(missing_ok=True)
    return key
