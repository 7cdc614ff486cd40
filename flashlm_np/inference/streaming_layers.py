"""The layers of streaming.py: they run on one row of a text, or on several, without a graph."""

import numpy as np

from minigrad import Parameter
from minigrad.layers import Linear, RMSNorm, TernaryLinear
from minigrad.ops.activations import sigmoid
from minigrad.ops.causal_conv_fast import split_taps
from minigrad.ops.ternary import ternarize

from ..model.mixers.gated_convs import GatedConv
from .int8 import quantize
from .streaming_memory import remember


class StreamConv:
    """A gated convolution and its lags; in each group, the taps of gate and value together."""

    def __init__(self, layer: GatedConv):
        conv = layer.conv_gate.conv
        self.groups, K = conv.groups, conv.weight.shape[2]
        kernels = layer.conv_gate.kernel(), layer.conv_value.kernel()
        taps = [split_taps(kernel.data, self.groups) for kernel in kernels]
        self.weight = np.concatenate(taps, axis=2)  # (G, K·C, 2·C)
        self.lags = np.arange(K - 1, -1, -1) * conv.dilation  # (K,) of each tap, oldest first
        self.length = 1 + int(self.lags[0])

    def __call__(self, n, ring, position):
        """The gated convolution of n (T, D), which follows the rows in the ring."""
        T, D = n.shape
        G, C = self.groups, D // self.groups
        n = n.reshape(T, G, C).transpose(1, 0, 2)  # (G, T, C)
        rows = remember(ring, position, n, self.lags)  # (G, T, K, C)
        both = rows.reshape(G, T, -1) @ self.weight  # (G, T, 2·C)
        y = sigmoid(both[..., :C]) * both[..., C:]  # (G, T, C)
        return y.transpose(1, 0, 2).reshape(T, D)


class StreamShortConv:
    """A convolution of each channel with its own K last rows; kernel (D, K)."""

    def __init__(self, kernel: np.ndarray):
        self.taps = kernel.T  # (K, D)
        K, D = self.taps.shape
        self.lags = np.arange(K - 1, -1, -1)  # (K,) of each tap, oldest first
        self.past_shape, self.reach = (1, K, D), K - 1

    def __call__(self, x, ring, position):
        rows = remember(ring, position, x[None], self.lags)[0]  # (T, K, D)
        return (rows * self.taps).sum(axis=1)  # (T, D)


class StreamTernary:
    """Ternary layers with the same input, as one: T (O, D), and a scale for each output.

    gain: (O,), the block's output gain, by which the outputs are multiplied.
    """

    def __init__(self, layers: list[TernaryLinear], int8: bool, gain: Parameter | None = None):
        pairs = [
            ternarize(layer.weight.data, threshold=layer.threshold, scale=layer.scale)
            for layer in layers
        ]
        self.T = np.concatenate([T for T, _ in pairs])  # (O, D)
        self.scale = np.concatenate([np.full(len(T), s, T.dtype) for T, s in pairs])  # (O,)
        if gain is not None:
            self.scale *= gain.data
        self.weight, self.int8 = self.T * self.scale[:, None], int8

    def __call__(self, x):
        if not self.int8:
            return x @ self.weight.T  # (T, D) -> (T, O)
        q, step = quantize(x)
        # The sums are integers, which floating point holds exactly: see int8.py.
        return (q.astype(x.dtype) @ self.T.T) * (self.scale * step)


def stream_projections(layers: list[Linear] | list[TernaryLinear], int8: bool):
    """Projections of one input as one layer (T, D) -> (T, O), ternary or in full precision."""
    if isinstance(layers[0], TernaryLinear):
        return StreamTernary(layers, int8)
    weight = np.concatenate([layer.weight.data for layer in layers])  # (O, D)
    return lambda x: x @ weight.T


def norm_rows(x, norm: RMSNorm):
    """RMSNorm of x (T, D) in fewer NumPy calls than minigrad's, which matter for one row."""
    r = (np.vecdot(x, x) / x.shape[-1] + norm.eps) ** -0.5  # (T,)
    return x * r[:, None] * norm.scale.data
