"""FlashLM's block: a mixer and a gated linear unit. Its `forward` reads as its formula.

    block   x ← x + mixer(norm1(x)) ;  x ← x + glu(norm2(x))                    (B, T, D)

Only in the mixer does a position receive information from earlier positions. The names of the
attributes give the state dict the names of FlashLM v3's published checkpoint.
"""

import numpy as np

from minigrad import Module, Tensor
from minigrad import functional as F
from minigrad.layers import Linear, RMSNorm

from .config import Config
from .glu import TernaryGLU
from .mixers.gated_convs import ConvMixer


class Router(Module):
    """sigmoid(linear(x)), one number per position. FlashLM v3 has it but does not use it."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        self.linear = Linear(config.d_model, 1, rng=rng, std=0.0, dtype=dtype)
        self.linear.bias.data.fill(1)

    def forward(self, x: Tensor) -> Tensor:
        return F.sigmoid(self.linear(x))  # (B, T, D) -> (B, T, 1)


class RecursiveBlock(Module):
    """The block that FlashLM applies several times with the same weights."""

    def __init__(self, config: Config, rng, dtype=np.float32, mixer=ConvMixer):
        self.norm1 = RMSNorm(config.d_model, eps=config.norm_eps, dtype=dtype)
        self.token_mixer = mixer(config, rng, dtype)
        self.norm2 = RMSNorm(config.d_model, eps=config.norm_eps, dtype=dtype)
        self.glu = TernaryGLU(config, rng, dtype)
        # The published checkpoint has weights for it, so this model has them, too.
        self.router = Router(config, rng, dtype)

    def forward(self, x: Tensor) -> Tensor:
        # x also passes unchanged, so its gradient has a direct path back.
        x = x + self.token_mixer(self.norm1(x))
        return x + self.glu(self.norm2(x))  # (B, T, D)
