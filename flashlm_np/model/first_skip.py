"""A path from the embedding to each application of a block but the first.

    x ← a_r x + b_r x₀         before application r = 1, 2, ...                 (B, T, D)

x₀ is the input of the first application. a_r and b_r are learned numbers, which start at 1 and
0. So the model starts as one without this path.

source   the lambdas of Jordan et al. 2024, "modded-nanogpt", in each layer: x ← λ₀ x + λ₁ x₀
"""

import numpy as np

from minigrad import Module, Parameter, Tensor


class FirstSkip(Module):
    """a (A-1,) and b (A-1,) of a model with A applications of blocks."""

    def __init__(self, A: int, dtype=np.float32):
        self.a = Parameter(np.ones(A - 1, dtype))
        self.b = Parameter(np.zeros(A - 1, dtype))

    def forward(self, x: Tensor, first: Tensor, r: int) -> Tensor:
        """The input of application r, from 1: two (B, T, D) -> (B, T, D)."""
        return x * self.a[r - 1] + first * self.b[r - 1]

    def of_arrays(self, x: np.ndarray, first: np.ndarray, r: int) -> np.ndarray:
        """The same of arrays, without a graph."""
        return x * self.a.data[r - 1] + first * self.b.data[r - 1]
