from __future__ import annotations

import pytest

from imagegate.errors import GatewayError
from imagegate.settings.problems import ConfigError, KeyPath, Problem, did_you_mean, dotted, nearest


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("server", "port"), "server.port"),
        (("channels", 2, "adapter"), "channels[2].adapter"),
        (("channels", 0, "models", "gpt-image-2", "upstream"), "channels[0].models.gpt-image-2.upstream"),
        (("channels", 0, "models", "flux-1.1*"), 'channels[0].models["flux-1.1*"]'),
    ],
)
def test_paths_read_as_people_write_them(path: KeyPath, text: str) -> None:
    assert dotted(path) == text


def test_a_problem_prints_place_path_and_sentence() -> None:
    problem = Problem("config.yaml", 41, 9, ("channels", 2, "adapter"), 'unknown adapter "opena", did you mean "openai"?')
    assert str(problem) == 'config.yaml:41:9 channels[2].adapter: unknown adapter "opena", did you mean "openai"?'


def test_a_problem_without_line_or_path() -> None:
    assert str(Problem("config.yaml", None, None, (), "cannot be read")) == "config.yaml: cannot be read"
    assert str(Problem("VAR", None, None, ("server", "port"), "is wrong")) == "VAR server.port: is wrong"


def test_a_problem_is_one_line_whatever_it_quotes() -> None:
    assert (
        str(Problem("c", 1, 1, ("a\nb",), 'must be é, not "\x1b[31m\u2028"'))
        == 'c:1:1 ["a\\nb"]: must be é, not "\\x1b[31m\\u2028"'
    )


def test_problems_are_sorted_by_position_and_told_once() -> None:
    late, early, first = (Problem("f", line, column, (), "x") for line, column in [(10, 1), (2, 9), (2, 3)])
    nowhere = Problem("VAR", None, None, (), "x")
    error = ConfigError([nowhere, late, early, first, late])
    assert error.problems == (first, early, late, nowhere)
    assert str(error) == "f:2:3: x\nf:2:9: x\nf:10:1: x\nVAR: x"


def test_it_is_no_gateway_error() -> None:
    assert not issubclass(ConfigError, GatewayError)


def test_nearest_ignores_case_and_gives_up_on_strangers() -> None:
    assert nearest("OPENA", ["sandbox", "openai"]) == "openai"
    assert nearest("zzz", ["sandbox", "openai"]) is None
    assert did_you_mean("opena", ["openai"]) == ', did you mean "openai"?'
    assert did_you_mean("zzz", ["openai"]) == ""
