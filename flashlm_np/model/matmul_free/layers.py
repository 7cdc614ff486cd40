"""The parts of the MatMul-free model: every matrix is a BitLinear.

    mixer   a, z, g = i_proj(x), f_proj(x), g_proj(x)                           (B, T, D)
            h_t = f_t h_{t-1} + (1 - f_t) SiLU(a_t), f = b + (1 - b) σ(z)       (B, T, D)
            y = o_proj( norm(g) · SiLU(h) )       the gate of the code
            y = o_proj( σ(g) · h )                the gate of the paper
    mlp     u, v = the halves of gate_proj(x) ;  y = down_proj( SiLU(u) · v )   H wide inside
    block   x ← x + mixer(norm(x)) ;  x ← x + mlp(norm(x))                      (B, T, D)

The pages are minigrad/ops/bit_linear.py, mlgru.py, gated_norm.py and silu_gate.py. A position
receives from earlier ones only through h. Each BitLinear has a norm of its own, so its input is
normed twice. The names of the attributes are those of the authors' state dict.

A weight starts normal, or in i, f, g and o uniform between ±gain √(6 / (D + D)), with the gain
2^(-5/2). down_proj starts smaller, by √(2L), so that the sum over L blocks does not grow.
"""

import numpy as np

from minigrad import Module, Parameter, Tensor
from minigrad import functional as F
from minigrad.layers import normal

from ..config import Config

INITIAL_STD = 0.02  # of the normal weights


class Norm(Module):
    """RMSNorm whose gain has the name `weight`; layers.RMSNorm calls it `scale`."""

    def __init__(self, D: int, config: Config, dtype=np.float32):
        self.eps, self.weight = config.norm_eps, Parameter(np.ones(D, dtype))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight, eps=self.eps)


class BitLinear(Module):
    """x (..., D), normed and in 8 bits, times the ternarized `weight` (O, D)."""

    def __init__(self, weight: Parameter, config: Config):
        self.weight = weight
        self.norm = Norm(weight.shape[1], config, weight.dtype)

    def forward(self, x: Tensor) -> Tensor:
        return F.bit_linear(x, self.weight, self.norm.weight, eps=self.norm.eps)


def uniform(rng: np.random.Generator, D: int, dtype) -> Parameter:
    """A parameter (D, D) of independent numbers between ±2^(-5/2) √(3 / D)."""
    most = 2**-2.5 * (3 / D) ** 0.5
    return Parameter(rng.uniform(-most, most, (D, D)).astype(dtype))


class Mixer(Module):
    """The recurrence and its gate, between projections."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        D = config.d_model
        self.i_proj, self.f_proj, self.g_proj, self.o_proj = (
            BitLinear(uniform(rng, D, dtype), config) for _ in range(4)
        )
        self.g_norm = Norm(D, config, dtype) if config.gru_gate == "code" else None

    def forward(self, x: Tensor, b: Tensor | None = None, h0=None) -> tuple[Tensor, np.ndarray]:
        """y (B, T, D), and the last state h_T (B, D).

        b (D,): the lower bound of f. h0 (B, D): the state before the first position.
        """
        h = F.mlgru(self.i_proj(x), self.f_proj(x), b, h0)  # (B, T, D)
        y = self.o_proj(self._gated(self.g_proj(x), h))  # (B, T, D)
        return y, h.data[:, -1]

    def _gated(self, g, h):
        if self.g_norm is None:
            return F.sigmoid_gate(g, h)
        return F.gated_norm(g, h, self.g_norm.weight, eps=self.g_norm.eps)


class MLP(Module):
    """A gated unit at each position by itself. One matrix with one scale makes both halves."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        D, H, L = config.d_model, config.glu_width, config.blocks
        self.gate_proj = BitLinear(normal(rng, (2 * H, D), INITIAL_STD, dtype), config)
        down = normal(rng, (D, H), INITIAL_STD / (2 * L) ** 0.5, dtype)
        self.down_proj = BitLinear(down, config)

    def forward(self, x: Tensor) -> Tensor:
        u, v = F.split(self.gate_proj(x), 2, axis=-1)  # (B, T, H) each
        return self.down_proj(F.silu_gate(u, v))  # (B, T, D)


class Block(Module):
    """Mixer and gated unit, each after a norm and beside a direct path."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        D = config.d_model
        self.attn_norm, self.attn = Norm(D, config, dtype), Mixer(config, rng, dtype)
        self.mlp_norm, self.mlp = Norm(D, config, dtype), MLP(config, rng, dtype)

    def forward(self, x: Tensor, b: Tensor | None = None, h0=None) -> tuple[Tensor, np.ndarray]:
        """x (B, T, D) after the block, and the mixer's last state (B, D)."""
        y, last = self.attn(self.attn_norm(x), b, h0)
        x = x + y
        return x + self.mlp(self.mlp_norm(x)), last
