"""The parts of FlashLM's block, composed from minigrad's layers.

Attribute names give the state dict the names of FlashLM v3's published checkpoint.
"""

from __future__ import annotations

import numpy as np

from minigrad import Module, Tensor
from minigrad import functional as F
from minigrad.layers import CausalConv1d, Linear, RMSNorm, TernaryLinear

from .config import Config


def ternary(config: Config, D: int, O: int, rng, dtype, std=None) -> TernaryLinear:
    """A ternary layer with the configuration's threshold and scale."""
    return TernaryLinear(D, O, rng=rng, std=std, dtype=dtype, **ternary_options(config))


def ternary_options(config: Config) -> dict:
    return {"threshold": config.ternary_threshold, "scale": config.ternary_scale}


class CausalConv(Module):
    """A grouped causal convolution that keeps the width: (B, T, D) -> (B, T, D)."""

    def __init__(self, config: Config, dilation: int, rng, dtype):
        D = config.d_model
        self.conv = CausalConv1d(
            D,
            D,
            config.taps,
            rng=rng,
            groups=config.conv_groups,
            dilation=dilation,
            dtype=dtype,
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class GatedConv(Module):
    """One convolution decides, by a sigmoid, how much of another passes."""

    def __init__(self, config: Config, dilation: int, rng, dtype):
        self.conv_gate = CausalConv(config, dilation, rng, dtype)
        self.conv_value = CausalConv(config, dilation, rng, dtype)
        w = self.conv_value.conv.weight.data  # (O, C, K)
        O, C, _ = w.shape
        w[np.arange(O), np.arange(O) % C] += dtype(config.conv_identity)
        self.fused = config.fused
        self.ternary = ternary_options(config) if config.ternary_convs else None

    def forward(self, x: Tensor) -> Tensor:
        conv = self.conv_gate.conv
        options = {"groups": conv.groups, "dilation": conv.dilation}
        gate, value = self.kernels()
        if self.fused:
            return F.gated_conv(x, gate, value, **options)
        convolved = F.causal_conv(x, gate, **options)
        return F.sigmoid(convolved) * F.causal_conv(x, value, **options)

    def kernels(self) -> tuple[Tensor, Tensor]:
        """The weights (O, C, K) of gate and value, made ternary if they are to be."""
        weights = self.conv_gate.conv.weight, self.conv_value.conv.weight
        if self.ternary is None:
            return weights
        gate, value = (F.ternary_weights(w, **self.ternary) for w in weights)
        return gate, value


class ConvMixer(Module):
    """Positions exchange information: gated convolutions at growing dilations.

    x = x + gated_conv(norm(x)) for each dilation, then a ternary projection.
    """

    def __init__(self, config: Config, rng, dtype=np.float32):
        D = config.d_model
        self.layers = [GatedConv(config, d, rng, dtype) for d in config.dilations]
        self.norms = [RMSNorm(D, eps=config.norm_eps, dtype=dtype) for _ in config.dilations]
        self.out_proj = ternary(config, D, D, rng, dtype, std=config.out_std)

    def forward(self, x: Tensor) -> Tensor:
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + layer(norm(x))  # (B, T, D)
        return self.out_proj(x)


class TernaryGLU(Module):
    """Each position by itself: down( relu(gate(x))² · up(x) ), all three ternary."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        D, H = config.d_model, config.glu_width
        self.gate_proj = ternary(config, D, H, rng, dtype)
        self.up_proj = ternary(config, D, H, rng, dtype)
        self.down_proj = ternary(config, H, D, rng, dtype, std=config.out_std)
        self.fused = config.fused

    def forward(self, x: Tensor) -> Tensor:
        g, v = self.gate_proj(x), self.up_proj(x)  # (B, T, H)
        gated = F.relu_squared_gate(g, v) if self.fused else F.relu_squared(g) * v
        return self.down_proj(gated)  # (B, T, H) -> (B, T, D)


class Router(Module):
    """sigmoid(linear(x)), one number per position. FlashLM v3 has it and never asks it."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        self.linear = Linear(config.d_model, 1, rng=rng, std=0.0, dtype=dtype)
        self.linear.bias.data.fill(1)

    def forward(self, x: Tensor) -> Tensor:
        return F.sigmoid(self.linear(x))  # (B, T, D) -> (B, T, 1)


class RecursiveBlock(Module):
    """The block that FlashLM applies again and again, with the same weights."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        self.norm1 = RMSNorm(config.d_model, eps=config.norm_eps, dtype=dtype)
        self.token_mixer = ConvMixer(config, rng, dtype)
        self.norm2 = RMSNorm(config.d_model, eps=config.norm_eps, dtype=dtype)
        self.glu = TernaryGLU(config, rng, dtype)
        self.router = Router(config, rng, dtype)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.token_mixer(self.norm1(x))
        return x + self.glu(self.norm2(x))  # (B, T, D)
