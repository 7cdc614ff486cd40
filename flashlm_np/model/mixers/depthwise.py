"""FlashLM v4's mixer: a gated convolution of each channel with its own past.

    g, v = the halves of in_proj(x)                      (B, T, D) -> (B, T, D) each
    h = conv(v), one kernel of K taps per channel        (B, T, D)
    y = out_proj( σ(g) · h )                             (B, T, D)

The channels meet in the two ternary matrices only. in_proj is one matrix, because its ternary
scale is one number for both halves. conv is minigrad/ops/depthwise_conv.py.
"""

import numpy as np

from minigrad import Module, Tensor
from minigrad import functional as F
from minigrad.layers import CausalConv1d

from ..config import Config
from ..glu import initial_std, ternary, ternary_options


class DepthwiseMixer(Module):
    """The gate depends on the present position, and the value on K positions."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        D, K = config.d_model, config.taps
        self.in_proj = ternary(config, D, 2 * D, rng, dtype)
        std = initial_std(config, D * K)
        self.conv = CausalConv1d(D, D, K, rng=rng, groups=D, std=std, dtype=dtype)
        self.conv.weight.data += dtype(config.conv_identity)  # (D, 1, K)
        self.ternary = ternary_options(config) if config.ternary_mixer else None
        self.out_proj = ternary(config, D, D, rng, dtype, std=config.out_std)

    def kernel(self) -> Tensor:
        """The weights (D, K), ternary if the configuration says so."""
        w = self.conv.weight
        w = w if self.ternary is None else F.ternary_weights(w, **self.ternary)
        return F.reshape(w, shape=(w.shape[0], -1))

    def forward(self, x: Tensor) -> Tensor:
        g, v = F.split(self.in_proj(x), 2, axis=-1)  # (B, T, D) each
        h = F.depthwise_conv(v, self.kernel())  # (B, T, D)
        return self.out_proj(F.sigmoid_gate(g, h))  # (B, T, D)
