"""The gated linear unit, and the layers of which it and the mixers consist.

    glu     y = down( max(gate(x), 0)² · up(x) ), H numbers wide inside         (B, T, D)
            FlashLM v4 has the activation silu: gate(x) · σ(gate(x)) for the square

It treats each position by itself. The names of the attributes give the state dict the names of
FlashLM v3's published checkpoint.
"""

import numpy as np

from minigrad import Module, Tensor
from minigrad import functional as F
from minigrad.layers import Linear, TernaryLinear

from .config import Config


def ternary_options(config: Config) -> dict:
    return {"threshold": config.ternary_threshold, "scale": config.ternary_scale}


def ternary(config: Config, D: int, O: int, rng, dtype, std=None) -> TernaryLinear:
    """A ternary layer with the configuration's threshold and scale."""
    std = initial_std(config, O, std)
    return TernaryLinear(D, O, rng=rng, std=std, dtype=dtype, **ternary_options(config))


def projection(config: Config, D: int, O: int, rng, dtype) -> Linear | TernaryLinear:
    """A layer that reads a mixer's input: in full precision, or ternary with ternary_mixer."""
    if config.ternary_mixer:
        return ternary(config, D, O, rng, dtype)
    return Linear(D, O, rng=rng, bias=False, std=initial_std(config, O), dtype=dtype)


def initial_std(config: Config, outputs: int, std: float | None = None) -> float | None:
    """The standard deviation of initial weights: `std`, or v4's √(2 / outputs) ("fan_out").

    `outputs` counts how often each input is used. None is the layer's own, 1/√inputs.
    """
    return (2 / outputs) ** 0.5 if config.initial_weights == "fan_out" else std


class TernaryGLU(Module):
    """A gated linear unit at each position by itself. All three matrices are ternary."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        D, H = config.d_model, config.glu_width
        self.activation = config.activation
        self.gate_proj = ternary(config, D, H, rng, dtype)
        self.up_proj = ternary(config, D, H, rng, dtype)
        # out_std is the size of the random w. The ternary matrix keeps only its signs. So with
        # scale "none", v3's, a small out_std has no effect, and x grows in each round.
        self.down_proj = ternary(config, H, D, rng, dtype, std=config.out_std)

    def forward(self, x: Tensor) -> Tensor:
        gate = F.silu_gate if self.activation == "silu" else F.relu_squared_gate
        gated = gate(self.gate_proj(x), self.up_proj(x))  # (B, T, H)
        return self.down_proj(gated)  # (B, T, D)
