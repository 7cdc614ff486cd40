"""The golden numbers of the published notebook, for the parity tests.

They are not part of the repository (see tests/shared.py).
"""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from shared import shared


def golden_path(filename: str) -> Path:
    """Return the path of a golden file, or skip the test with the reason."""
    return shared(f"parity/{filename}")


def golden(name: str) -> dict[str, np.ndarray]:
    """Return the arrays of NAME.safetensors in the golden folder, or skip the test."""
    return load_file(golden_path(f"{name}.safetensors"))


def under(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays whose names start with `prefix`, under their names without it.

    >>> under("param/", {"param/w": 1, "grad/w": 2})
    {'w': 1}
    """
    return {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)}


def close(got, expected, tolerance: float = 1e-9, name: str = "") -> None:
    """Assert equality of arrays or tensors within `tolerance` of the largest expected value."""
    got = np.asarray(got.detach() if hasattr(got, "detach") else got)
    assert got.shape == expected.shape, name
    atol = tolerance * np.abs(expected).max()
    np.testing.assert_allclose(got, expected, rtol=0, atol=atol, err_msg=name)


def close_gradients(model, expected: dict[str, np.ndarray]) -> None:
    """Assert that exactly the `expected` parameters have gradients, and that these agree."""
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert gradients.keys() == expected.keys()  # the router has no gradient
    for name, gradient in gradients.items():
        close(gradient, expected[name], name=name)
