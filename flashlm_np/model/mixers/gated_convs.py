"""FlashLM v3's mixer: gated convolutions with growing dilations, and then a ternary matrix.

    x ← x + σ(conv_gate(n)) · conv_value(n), n = norm(x), for each dilation        (B, T, D)
    y = out_proj(x)                                                                (B, T, D)

The names of the attributes give the state dict the names of v3's published checkpoint.
"""

import numpy as np

from minigrad import Module, Tensor
from minigrad import functional as F
from minigrad.layers import CausalConv1d, RMSNorm

from ..config import Config
from ..glu import initial_std, ternary, ternary_options


class CausalConv(Module):
    """A grouped causal convolution that keeps the width: (B, T, D) -> (B, T, D)."""

    def __init__(self, config: Config, dilation: int, rng, dtype=np.float32):
        D, K, G = config.d_model, config.taps, config.conv_groups
        sizes = {"groups": G, "dilation": dilation, "std": initial_std(config, D * K)}
        self.conv = CausalConv1d(D, D, K, rng=rng, dtype=dtype, **sizes)
        # v3's kernels have full precision: they are only 98,304 of its 13.6 million weights.
        self.ternary = ternary_options(config) if config.ternary_mixer else None

    def kernel(self) -> Tensor:
        """The weights (O, C, K), ternary if the configuration says so."""
        w = self.conv.weight
        return w if self.ternary is None else F.ternary_weights(w, **self.ternary)

    def forward(self, x: Tensor) -> Tensor:
        G, dilation = self.conv.groups, self.conv.dilation
        return F.causal_conv(x, self.kernel(), groups=G, dilation=dilation)


class GatedConv(Module):
    """One convolution decides, by a sigmoid, how much of another passes."""

    def __init__(self, config: Config, dilation: int, rng, dtype=np.float32):
        self.conv_gate = CausalConv(config, dilation, rng, dtype)
        self.conv_value = CausalConv(config, dilation, rng, dtype)
        # With conv_identity > 0, every tap of output o starts with this much more weight on its
        # own channel. So at the start a convolution already passes its own channel on.
        w = self.conv_value.conv.weight.data  # (O, C, K)
        O, C, _ = w.shape
        w[np.arange(O), np.arange(O) % C] += dtype(config.conv_identity)

    def forward(self, x: Tensor) -> Tensor:
        return F.sigmoid_gate(self.conv_gate(x), self.conv_value(x))  # (B, T, D)


class ConvMixer(Module):
    """Gated convolutions with growing dilations: a position receives from earlier ones."""

    def __init__(self, config: Config, rng, dtype=np.float32, gated_conv=GatedConv):
        D = config.d_model
        # 4 taps reach 3 dilations back: with 1, 4 and 64, 3 + 12 + 192 = 207 tokens a round.
        self.layers = [gated_conv(config, d, rng, dtype) for d in config.dilations]
        self.norms = [RMSNorm(D, eps=config.norm_eps, dtype=dtype) for _ in config.dilations]
        self.out_proj = ternary(config, D, D, rng, dtype, std=config.out_std)

    def forward(self, x: Tensor) -> Tensor:
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + layer(norm(x))  # (B, T, D)
        # A convolution stays within its group of channels. The projection mixes the groups.
        return self.out_proj(x)  # (B, T, D)
