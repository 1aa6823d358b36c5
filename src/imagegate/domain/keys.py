"""Who is calling."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated key: its name (never the key itself) and the models it may use, as globs."""

    key_name: str
    models: tuple[str, ...] = ("*",)
    default_model: str | None = None

    def may_use(self, model: str) -> bool:
        """Whether one of the key's globs covers this public model name."""
        return any(fnmatchcase(model, glob) for glob in self.models)
