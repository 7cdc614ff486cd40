"""The parts of a machine that decide the last digits of a run's numbers.

The number of threads decides in which order sums are added up. The libraries and the processor
decide which instructions compute them.
"""

import platform
from functools import cache

import numpy as np

from ..training.threads import loaded_blas, numpy_blas


def machine(threads: int) -> dict[str, str | int]:
    """This machine, as a checkpoint records it."""
    return {"threads": threads, **_libraries()}


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


def differences(saved: dict, threads: int) -> str | None:
    """A sentence about how a saved machine differs from this one, or None if it does not.

    A checkpoint of version 0.1 has no saved machine: {}.
    """
    here = machine(threads)
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
