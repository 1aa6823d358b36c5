from __future__ import annotations

from pathlib import Path

from benchmarks.cases import families
from benchmarks.report.page import tables, write_page
from benchmarks.results import Results, Sample


def results() -> Results:
    held = Results("short", "2026-01-01")
    for number, rate in enumerate((400.0, 600.0)):
        held.samples += [
            Sample("json-2mb-c16", "nginx", number, {"rps": 1000.0}),
            Sample("json-2mb-c16", "imagegate", number, {"rps": rate}),
            Sample("json-2mb-c16", "litellm", number, problem="status 500"),
            Sample("streams-1", "direct", number, {"first_p50": 20.0}),
            Sample("streams-1", "imagegate", number, {"first_p50": 24.0}),
        ]
    held.left_out = {"translated-2mb": "no adapter"}
    return held


def test_tables_tell_ratios_differences_failures_and_verdicts() -> None:
    text = tables(results(), families())
    assert "| 2 MB JSON ≥ 0.50 × nginx | 0.500 (0.400–0.600) | ✓ |" in text
    assert "| SSE, 1 stream: ≤ 3 ms to the first partial | 4.00 | **missed** |" in text
    assert "| translated 2 MB ≥ 0.6 × passed through | no adapter |  |" in text
    assert "| 2 MB, 16 connections | 1,000 | 500 (400–600) | fails: status 500 | 0.50 (0.40–0.60) |" in text
    assert "| 1 stream | 20.0 | +4.00 |" in text
    assert "## Edits" not in text


def test_notes_stay_when_the_page_is_written_anew(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    write_page(results(), families(), page)
    first = page.read_text()
    page.write_text(first.replace("<!-- end of notes -->", "The uploads are slow because of x.\n<!-- end of notes -->"))
    write_page(results(), families(), page)
    assert "The uploads are slow because of x.\n<!-- end of notes -->" in page.read_text()
    assert page.read_text().count("<!-- end of notes -->") == 1
