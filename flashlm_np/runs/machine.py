"""The parts of a machine that decide the last digits of a run's numbers.

The numbers of threads and processes decide in which order sums are added up. The libraries and
the processor decide which instructions compute them.
"""

import hashlib
import platform
from functools import cache
from pathlib import Path

import numpy as np

from ..training.threads import loaded_blas, numpy_blas


def machine(threads: int, processes: int = 1) -> dict[str, str | int]:
    """This machine, as a checkpoint records it. The processes are those of all machines."""
    return {"threads": threads, "processes": processes, **_libraries()}


@cache
def _libraries():
    built = np.show_config(mode="dicts")
    keys = ("internal_api", "version", "architecture")
    blas = [" ".join(str(pool[key]) for key in keys if pool.get(key)) for pool in loaded_blas()]
    # threadpoolctl does not know each BLAS, such as Apple's Accelerate.
    blas = blas or [numpy_blas() or "none"]
    instructions = built.get("SIMD Extensions", {}).get("found", [])
    return {
        "numpy": np.__version__,
        "blas": ", ".join(sorted(blas)),
        "processor": " ".join([platform.system(), platform.machine(), *instructions]),
    }


def differences(saved: dict, threads: int, processes: int = 1) -> str | None:
    """A sentence about how a saved machine differs from this one, or None if it does not.

    A checkpoint of version 0.1 has no saved machine: {}. Later ones had no processes.
    """
    here = machine(threads, processes)
    saved = {"processes": 1} | saved if saved else {}
    changes = [
        f"{name} was {saved[name]} and is {here[name]}"
        for name in here
        if name in saved and saved[name] != here[name]
    ]
    if not changes:
        return None
    sentence = (
        "The last digits will differ from those of a run without interruption, because "
        + "; ".join(changes)
    )
    only_threads = saved | {"threads": threads} == here
    return sentence + f"; --threads {saved['threads']} keeps them" * only_threads


@cache
def source_code() -> str:
    """A hash of the source files of both packages, which tells their versions apart."""
    digest, root = hashlib.sha256(), Path(__file__).parents[2]
    for package in ("flashlm_np", "minigrad"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
