"""Causal attention as a mixer: each position chooses the earlier ones from which it takes.

    q, k = rotary(q_proj(x)), rotary(k_proj(x)) ;  v = v_proj(x)     (B, T, D) -> (B, T, W)
    y = out_proj( attention(q, k, v) )                               (B, T, W) -> (B, T, D)

W is the inner width. Rotary positions give q and k the distance of two positions: without them
attention does not know the order of the earlier ones. The pages are minigrad/ops/rotary.py and
minigrad/ops/causal_attention.py. A position sees all earlier ones, and the memory of a step
grows with T².
"""

import numpy as np

from minigrad import Module, Tensor
from minigrad import functional as F

from ..config import Config
from ..glu import projection, ternary


class AttentionMixer(Module):
    """Three projections that read, attention of several heads, and a ternary matrix."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        D, W, self.heads = config.d_model, config.inner_width, config.attention_heads
        self.q_proj, self.k_proj, self.v_proj = (
            projection(config, D, W, rng, dtype) for _ in range(3)
        )
        self.out_proj = ternary(config, W, D, rng, dtype, std=config.out_std)

    def forward(self, x: Tensor) -> Tensor:
        q, k = (F.rotary(part(x), heads=self.heads) for part in (self.q_proj, self.k_proj))
        y = F.causal_attention(q, k, self.v_proj(x), heads=self.heads)  # (B, T, W)
        return self.out_proj(y)  # (B, T, D)
