"""The name of this machine's processor, which stands beside each measured time."""

import platform
from pathlib import Path


def processor_name() -> str:
    """The model's name where Linux tells it, else what Python knows."""
    info = Path("/proc/cpuinfo")
    for line in info.read_text("utf-8").splitlines() if info.exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
