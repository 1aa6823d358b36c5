"""Every table, in the order of the report. A later feature adds its module here, or a row to one of them."""

from benchmarks.cases import edits, json_pictures, memory, startup, streams, translated, waiting
from benchmarks.cases.base import Family


def families() -> list[Family]:
    """All of them."""
    return [
        json_pictures.family(),
        streams.family(),
        edits.family(),
        translated.family(),
        memory.family(),
        waiting.family(),
        startup.family(),
    ]
