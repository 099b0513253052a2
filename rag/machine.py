"""What this machine offers a local model: processor cores, memory, a GPU. Looks only; loads no model library."""

from __future__ import annotations

import os
import platform
import shutil
import sys


def available_threads(asked: int = 0) -> int:
    """How many threads to compute with: as asked, or else the physical cores that this process may use."""
    if asked > 0:
        return asked
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def available_memory() -> int:
    """Bytes that programs can still get without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)


def gpu_name() -> str:
    """The kind of GPU that seems to be here, or an empty string; its driver's tools are looked for, not called."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple"
    return "NVIDIA" if shutil.which("nvidia-smi") else ""
