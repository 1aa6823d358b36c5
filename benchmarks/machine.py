"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

from benchmarks.install import Toolbox, Unavailable, output_of
from benchmarks.processes import Cores


def machine(cores: Cores) -> dict[str, str]:
    """Processor, memory, kernel, and who runs where."""
    told = {"processor": _processor(), "cores": str(os.cpu_count()), "memory": f"{_memory_gb():.0f} GB"}
    told["kernel"] = f"{platform.system()} {platform.release()}"
    told["placement"] = f"gateway on core {cores.gateway}; stub, load generator and harness on core {cores.load}"
    told["load before the run"] = f"{os.getloadavg()[0]:.1f}"
    return told


def tool_versions(tools: Toolbox) -> dict[str, str]:
    """Of what measures and of our Python."""
    told = {"Python": platform.python_version()}
    with suppress(Unavailable, IndexError):
        told["wrk"] = output_of([tools.command("wrk"), "-v"]).split()[1]
    with suppress(Unavailable, IndexError):
        told["gcc"] = output_of(["gcc", "--version"]).splitlines()[0].split()[-1]
    return told


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
