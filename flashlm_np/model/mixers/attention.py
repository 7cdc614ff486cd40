"""Causal attention as a mixer: each position chooses the earlier ones from which it takes.

    q, k, v = q_proj(x), k_proj(x), v_proj(x)                        (B, T, D) -> (B, T, W)
    With taps, each of the three is a convolution of its own last K rows: conv(q), ...
    y = out_proj( attention(rotary(q), rotary(k), v) )               (B, T, W) -> (B, T, D)

W is the inner width. Rotary positions give q and k the distance of two positions: without them
attention does not know the order of the earlier ones. The pages are minigrad/ops/rotary.py and
minigrad/ops/causal_attention.py. A position sees all earlier ones, and the memory of a step
grows with T².

With a convolution, a key contains the tokens before its own. So one application finds the word
that followed "named" before; without it, an earlier application must bring that token there.
Source: So et al. 2021, "Primer", arXiv:2109.08668, multi-DConv-head attention.
"""

import numpy as np

from minigrad import Module, Tensor
from minigrad import functional as F
from minigrad.layers import normal

from ..config import Config
from ..glu import projection, ternary

TAPS_STD = 0.3  # of the initial taps, so that the tokens before count from the start


class ShortConv(Module):
    """A convolution of each channel with its own K last rows: (B, T, W) -> (B, T, W)."""

    def __init__(self, W: int, K: int, rng, dtype=np.float32):
        self.weight = normal(rng, (W, 1, K), TAPS_STD, dtype)
        self.weight.data[:, :, -1] += 1  # at first, mostly the position itself

    def kernel(self) -> Tensor:
        """The weights (W, K)."""
        return F.reshape(self.weight, shape=self.weight.shape[::2])

    def forward(self, x: Tensor) -> Tensor:
        return F.depthwise_conv(x, self.kernel())


class AttentionMixer(Module):
    """Three projections that read, attention of several heads, and a ternary matrix."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        D, W, self.heads = config.d_model, config.inner_width, config.attention_heads
        self.q_proj, self.k_proj, self.v_proj = (
            projection(config, D, W, rng, dtype) for _ in range(3)
        )
        self.out_proj = ternary(config, W, D, rng, dtype, std=config.out_std)
        K = config.attention_taps
        self.convs = [ShortConv(W, K, rng, dtype) for _ in "qkv"] if K else None

    def forward(self, x: Tensor) -> Tensor:
        read = [part(x) for part in (self.q_proj, self.k_proj, self.v_proj)]
        if self.convs is not None:
            read = [conv(part) for conv, part in zip(self.convs, read, strict=True)]
        q, k = (F.rotary(part, heads=self.heads) for part in read[:2])
        y = F.causal_attention(q, k, read[2], heads=self.heads)  # (B, T, W)
        return self.out_proj(y)  # (B, T, D)
