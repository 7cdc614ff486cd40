"""The recurrence of the MatMul-free language model as a mixer: MLGRU.

    a, z, g = i_proj(x), f_proj(x), g_proj(x)                        (B, T, D) -> (B, T, W)
    h_t = f_t h_{t-1} + (1 - f_t) SiLU(a_t), f = σ(z)                (B, T, W)
    y = out_proj( norm(g) · SiLU(h) )       the gate of the code     (B, T, W) -> (B, T, D)
    y = out_proj( σ(g) · h )                the gate of the paper

W is the inner width. A position sees all earlier ones, through W numbers. The pages are
minigrad/ops/mlgru.py and minigrad/ops/gated_norm.py. Here f has no lower bound, and the three
projections have full precision unless ternary_mixer is set.

source   Zhu et al. 2024, arXiv:2406.02528, section 3.3.1; and its code, which differs
"""

import numpy as np

from minigrad import Module, Tensor
from minigrad import functional as F
from minigrad.layers import RMSNorm

from ..config import Config
from ..glu import projection, ternary


class GRUMixer(Module):
    """Three projections that read, the recurrence, its gate, and a ternary matrix."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        D, W = config.d_model, config.inner_width
        self.i_proj, self.f_proj, self.g_proj = (
            projection(config, D, W, rng, dtype) for _ in range(3)
        )
        has_norm = config.gru_gate == "code"
        self.g_norm = RMSNorm(W, eps=config.norm_eps, dtype=dtype) if has_norm else None
        self.out_proj = ternary(config, W, D, rng, dtype, std=config.out_std)

    def forward(self, x: Tensor) -> Tensor:
        h = F.mlgru(self.i_proj(x), self.f_proj(x))  # (B, T, W)
        return self.out_proj(self._gated(self.g_proj(x), h))  # (B, T, D)

    def _gated(self, g, h):
        if self.g_norm is None:
            return F.sigmoid_gate(g, h)  # (B, T, W)
        return F.gated_norm(g, h, self.g_norm.scale, eps=self.g_norm.eps)
