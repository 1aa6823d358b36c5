from __future__ import annotations

import io
import json
from typing import Any

from imagegate.media.convert_worker import serve
from tests.support import pictures


def job(data: bytes, **given: Any) -> bytes:
    asked = {"size": len(data), "format": "jpeg", "compression": None, "max_pixels": 10_000, **given}
    return json.dumps(asked).encode() + b"\n" + data


def answers(jobs: bytes) -> list[tuple[str | None, bytes]]:
    """For each job: why there is no picture, and the picture."""
    target = io.BytesIO()
    serve(io.BytesIO(jobs), target)
    target.seek(0)
    seen = []
    while line := target.readline():
        answer = json.loads(line)
        seen.append((answer["refused"], target.read(answer["size"])))
    return seen


def test_jobs_are_answered_one_after_the_other() -> None:
    one, two, three = answers(
        job(pictures.png()) + job(b"no picture", format="webp") + job(pictures.jpeg(), format="webp", compression=10)
    )
    assert one[0] is None and pictures.look(one[1]) == ("jpeg", (16, 16), "RGB")
    assert two == ("cannot be read", b"")
    assert three[0] is None and pictures.look(three[1]).format == "webp"


def test_a_job_says_its_own_limit() -> None:
    assert answers(job(pictures.png((101, 100)))) == [("has more than 10000 pixels", b"")]
    assert answers(job(pictures.png((101, 100)), max_pixels=10_100))[0][0] is None


def test_the_end_of_the_input_is_the_end_also_within_a_job() -> None:
    assert answers(b"") == []
    assert len(answers(job(pictures.png()) + job(pictures.png())[:-1])) == 1
