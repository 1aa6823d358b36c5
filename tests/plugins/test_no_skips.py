"""The plugin as CI uses it: on the command line of a pytest of its own, with and without workers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PASSES = "import pytest\n\ndef test_passes():\n    pass\n\n"
SKIPS = {
    "test_call.py": "def test_skips():\n    pytest.skip('no server here')\n",
    "test_mark.py": "@pytest.mark.skipif(True, reason='no client here')\ndef test_marked():\n    pass\n",
    "test_module.py": "pytest.skip('no library here', allow_module_level=True)\n",
}
FINE = {
    "test_platform.py": "def test_skips():\n    pytest.skip('platform: no fork here')\n",
    "test_known.py": "@pytest.mark.xfail(reason='known')\ndef test_known():\n    assert False\n",
}


def run(folder: Path, files: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest with the plugin, and none that is not needed, on some test files."""
    for name, body in files.items():
        (folder / name).write_text(PASSES + body)
    plugins = ("-p", "tests.plugins.no_skips", "-p", "xdist", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *plugins, *options, "-c", os.devnull, "--rootdir", str(folder), str(folder)]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_skip_fails_the_run_and_is_named(tmp_path: Path, workers: str) -> None:
    done = run(tmp_path, SKIPS, "-n", workers)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    section = done.stdout.partition("skipped tests fail this run")[2].splitlines()
    assert sum("test_call.py" in line and "no server here" in line for line in section) == 1
    assert sum("test_mark.py" in line and "no client here" in line for line in section) == 1
    assert sum("test_module.py" in line and "no library here" in line for line in section) == 1


def test_other_outcomes_pass(tmp_path: Path) -> None:
    done = run(tmp_path, FINE)
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert "1 skipped, 1 xfailed" in done.stdout
