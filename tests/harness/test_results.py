from __future__ import annotations

from pathlib import Path

from benchmarks.results import Results, Sample, Spread


def results(*samples: Sample) -> Results:
    return Results("short", "2026-01-01", samples=list(samples))


def test_a_ratio_is_taken_within_each_round() -> None:
    held = results(
        Sample("a", "imagegate", 0, {"rps": 50}),
        Sample("a", "nginx", 0, {"rps": 100}),
        Sample("a", "imagegate", 1, {"rps": 10}),
        Sample("a", "nginx", 1, {"rps": 10}),
        Sample("a", "imagegate", 2, {"rps": 1000}),
    )
    assert held.ratio("a", "imagegate", "rps", ("a", "nginx")) == Spread(0.75, 0.5, 1.0)


def test_a_difference_may_be_to_another_case() -> None:
    held = results(Sample("a", "imagegate", 0, {"ms": 5}), Sample("b", "direct", 0, {"ms": 3}))
    assert held.difference("a", "imagegate", "ms", ("b", "direct")) == Spread(2, 2, 2)


def test_nothing_measured_is_nothing() -> None:
    held = results(Sample("a", "imagegate", 0, {"rps": 1}), Sample("a", "nginx", 0, problem="status 500"))
    assert held.spread("a", "nginx", "rps") is None
    assert held.ratio("a", "imagegate", "rps", ("a", "nginx")) is None
    assert held.problem("a", "nginx") == "status 500"
    assert held.problem("a", "imagegate") is None


def test_a_problem_of_one_round_hides_no_values_of_another() -> None:
    held = results(Sample("a", "nginx", 0, {"rps": 2}), Sample("a", "nginx", 1, problem="status 500"))
    assert held.problem("a", "nginx") is None
    assert held.spread("a", "nginx", "rps") == Spread(2, 2, 2)


def test_saved_results_are_read_again(tmp_path: Path) -> None:
    held = results(Sample("a", "nginx", 0, {"rps": 2.5}, others=0.25))
    held.save(tmp_path / "r.json")
    assert Results.load(tmp_path / "r.json") == held
