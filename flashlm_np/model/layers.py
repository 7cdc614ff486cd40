"""FlashLM's block: a mixer and a gated linear unit. Its `forward` reads as its formula.

    block   x ← x + mixer(norm1(x)) ;  x ← x + glu(norm2(x))                    (B, T, D)
            With output gains: x ← x + g₁ mixer(norm1(x)) ;  x ← x + g₂ glu(norm2(x))

Only in the mixer does a position receive information from earlier positions. The names of the
attributes give the state dict the names of FlashLM v3's published checkpoint.
"""

import numpy as np

from minigrad import Module, Parameter, Tensor
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
        # v3's published checkpoint has weights for it, so a model of its kind has them, too.
        as_in_v3 = config.mixer == "gated_convs" and config.blocks == 1
        self.router = Router(config, rng, dtype) if as_in_v3 else None
        # With gains of 0 a new block changes nothing, and x has its size at any depth.
        gains = [Parameter(np.zeros(config.d_model, dtype)) for _ in range(2)]
        self.mixer_gain, self.glu_gain = gains if config.output_gains else (None, None)

    def forward(self, x: Tensor) -> Tensor:
        # x also passes unchanged, so its gradient has a direct path back.
        x = x + _times(self.token_mixer(self.norm1(x)), self.mixer_gain)
        return x + _times(self.glu(self.norm2(x)), self.glu_gain)  # (B, T, D)


def _times(y: Tensor, gain: Tensor | None) -> Tensor:
    return y if gain is None else y * gain  # (B, T, D) (D,) -> (B, T, D)
