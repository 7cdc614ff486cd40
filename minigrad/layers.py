"""The operations that have weights, as modules. Weights are drawn from a Generator passed in.

Without `std`, a weight has the standard deviation 1/√inputs, which keeps the signal's size.
"""

import numpy as np

from . import functional as F
from .module import Module, Parameter
from .tensor import Tensor


def normal(
    rng: np.random.Generator, shape: tuple[int, ...], std: float, dtype=np.float32
) -> Parameter:
    """A parameter of independent normal numbers with mean 0."""
    return Parameter((std * rng.standard_normal(shape)).astype(dtype))


class RMSNorm(Module):
    """x (..., D) scaled to unit root mean square, times a gain `scale` (D,), initially 1."""

    def __init__(self, D: int, *, eps: float = 1e-8, dtype=np.float32):
        self.eps = eps
        self.scale = Parameter(np.ones(D, dtype))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.scale, eps=self.eps)


class Linear(Module):
    """x (..., D) times `weight` (O, D), plus `bias` (O,) unless bias=False."""

    def __init__(self, D: int, O: int, *, rng, bias=True, std=None, dtype=np.float32):
        self.weight = normal(rng, (O, D), D**-0.5 if std is None else std, dtype)
        self.bias = Parameter(np.zeros(O, dtype)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)  # (..., D) -> (..., O)


class TernaryLinear(Module):
    """x (..., D) times the ternarized `weight` (O, D): see minigrad/ops/ternary.py."""

    def __init__(
        self, D: int, O: int, *, rng, std=None, threshold=1.0, scale="none", dtype=np.float32
    ):
        self.weight = normal(rng, (O, D), D**-0.5 if std is None else std, dtype)
        self.threshold, self.scale = threshold, scale

    def forward(self, x: Tensor) -> Tensor:
        return F.ternary_linear(
            x, self.weight, threshold=self.threshold, scale=self.scale
        )  # (..., D) -> (..., O)


class CausalConv1d(Module):
    """x (B, T, D) mixed with its past by `weight` (O, D/groups, K), without a bias."""

    def __init__(
        self, D: int, O: int, K: int, *, rng, groups=1, dilation=1, std=None, dtype=np.float32
    ):
        inputs = D // groups * K
        std = inputs**-0.5 if std is None else std
        self.weight = normal(rng, (O, D // groups, K), std, dtype)
        self.groups, self.dilation = groups, dilation

    def forward(self, x: Tensor) -> Tensor:
        return F.causal_conv(x, self.weight, groups=self.groups, dilation=self.dilation)


class Embedding(Module):
    """Rows of `weight` (V, D), looked up by integer ids (...) -> (..., D)."""

    def __init__(self, V: int, D: int, *, rng, std: float = 1.0, dtype=np.float32):
        self.weight = normal(rng, (V, D), std, dtype)

    def forward(self, ids: np.ndarray) -> Tensor:
        return F.embedding(self.weight, ids)
