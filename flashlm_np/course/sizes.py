"""The sizes of a case by name, to tell which of them a factor is."""

from __future__ import annotations

import numpy as np

from .probing.inputs import Case


def sizes_of(case: Case, result: np.ndarray) -> dict[str, int]:
    """What a sum or a mean may have run over, in words."""
    sizes = {}
    for name, array in case.items():
        if not isinstance(array, np.ndarray) or array.ndim == 0 or name == "dy":
            continue
        sizes[f"the size of {name}'s last axis"] = array.shape[-1]
        sizes[f"the number of rows of {name}"] = array.size // array.shape[-1]
        sizes[f"the number of elements of {name}"] = array.size
    if "dy" in case and result.size:
        sizes["the number of elements of y"] = case["dy"].size
        sizes["the number of terms in each sum"] = case["dy"].size // result.size
    return {name: size for name, size in sizes.items() if size}
