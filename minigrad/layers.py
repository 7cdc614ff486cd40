"""The operations that have weights, as modules. Weights are drawn from a Generator passed in.

Without `std`, a weight has the standard deviation 1/√inputs, which keeps the signal's size.
Also `Sequential`, a chain of layers, and `Dropout`, which acts in training only.
"""

from collections.abc import Callable

import numpy as np

from . import functional as F
from .errors import expect_number
from .module import Module, Parameter
from .tensor import Tensor


def normal(
    rng: np.random.Generator, shape: tuple[int, ...], std: float, dtype=np.float32
) -> Parameter:
    """A parameter of independent normal numbers with mean 0."""
    _expect_generator("a layer's weights", rng)
    std = expect_number("a layer's weights", "std", std, least=0)
    return Parameter((std * rng.standard_normal(shape)).astype(dtype))


class RMSNorm(Module):
    """x (..., D) scaled to unit root mean square, times a gain `scale` (D,), initially 1."""

    def __init__(self, D: int, *, eps: float = 1e-8, dtype=np.float32):
        self.eps = expect_number("RMSNorm", "eps", eps, least=0)
        self.scale = Parameter(np.ones(D, dtype))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.scale, eps=self.eps)


class LayerNorm(Module):
    """x (..., D) with mean 0 and deviation 1, times `scale` (D,), plus `bias` (D,)."""

    def __init__(self, D: int, *, eps: float = 1e-5, dtype=np.float32):
        self.eps = expect_number("LayerNorm", "eps", eps, least=0)
        self.scale, self.bias = Parameter(np.ones(D, dtype)), Parameter(np.zeros(D, dtype))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.scale, self.bias, eps=self.eps)  # (..., D)


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
        expect_number("TernaryLinear", "threshold", threshold, least=0)
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


class Dropout(Module):
    """In training, a random part `p` of x becomes 0, and the rest grows by 1/(1-p).

    After eval() it returns x. Each call in training draws new numbers from `rng`, whose state
    is not in the state dict: a run that continues saves rng.bit_generator.state, too.
    """

    def __init__(self, p: float, *, rng: np.random.Generator):
        _expect_generator("Dropout", rng)
        self.p, self.rng = expect_number("Dropout", "p", p, least=0, below=1), rng

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, p=self.p, rng=self.rng) if self.training else x

    def details(self) -> str:
        return f"p={self.p}"


class Sequential(Module):
    """Layers one after another. A layer is a module, or a function such as F.relu.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> net = Sequential(Linear(3, 5, rng=rng), F.relu, Linear(5, 1, rng=rng))
        >>> [name for name, _ in net.named_parameters()]
        ['layers.0.weight', 'layers.0.bias', 'layers.2.weight', 'layers.2.bias']
    """

    def __init__(self, *layers: Callable[[Tensor], Tensor]):
        for i, layer in enumerate(layers):
            if not callable(layer) or isinstance(layer, type):
                raise TypeError(
                    f"Sequential: layer {i} is {layer!r}, expected a module or a function; "
                    "pass the layers one by one, as in Sequential(Linear(...), F.relu)"
                )
        self.layers = list(layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def details(self) -> str:
        """The layers that are functions, because the tree has a line for each module only."""
        functions = ((i, f) for i, f in enumerate(self.layers) if not isinstance(f, Module))
        return ", ".join(
            f"layers.{i} is {getattr(f, '__name__', type(f).__name__)}" for i, f in functions
        )


def _expect_generator(where, rng):
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{where}: rng is {rng!r}, expected a generator; use np.random.default_rng(0)"
        )
