"""What the stub answers, said in the model's name, so that it reaches the stub through any gateway."""

from __future__ import annotations

from dataclasses import dataclass

KB = 1024
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """``size``, ``partial_size``: base64 characters of a picture. ``delay`` before all, ``pause`` before each event: ms."""

    size: int = 4 * KB
    delay: int = 0
    partials: int = 0
    partial_size: int = 0
    pause: int = 0

    @property
    def model(self) -> str:
        """The name that the stub understands (native/answer.h)."""
        name = f"bench-s{self.size}"
        if self.delay:
            name += f"-d{self.delay}"
        if self.partials:
            name += f"-p{self.partials}-q{self.partial_size}-w{self.pause}"
        return name

    @property
    def least_bytes(self) -> int:
        """A body with all pictures is longer than this."""
        return self.size + self.partials * self.partial_size


def readable(size: int) -> str:
    """``4 KB``, ``2 MB``."""
    return f"{size // MB} MB" if size % MB == 0 else f"{size // KB} KB"


def slug(size: int) -> str:
    """``4kb``, ``2mb``."""
    return readable(size).replace(" ", "").lower()
