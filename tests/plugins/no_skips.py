"""A pytest plugin for CI: a test that was skipped there tests nothing, so it fails the run.

Tests that cannot run on a platform say so with a reason that starts with ``platform:``.
"""

import pytest

ALLOWED_REASON = "platform:"


class NoSkips:
    """Collects skipped tests and modules, and fails the session when there are any."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not hasattr(report, "wasxfail"):
            self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.skipped:
            terminalreporter.section("skipped tests fail this run", red=True)
            for line in self.skipped:
                terminalreporter.line(line)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped:
            return
        reason = skip_reason(report)
        if not reason.startswith(ALLOWED_REASON):
            self.skipped.append(f"{report.nodeid}: {reason}")


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The words given to ``pytest.skip`` or to the skip mark."""
    detail = report.longrepr
    text = detail[2] if isinstance(detail, tuple) else str(detail)
    return text.removeprefix("Skipped: ")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(NoSkips(), "imagegate-no-skips")
