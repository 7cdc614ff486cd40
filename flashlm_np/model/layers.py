"""The parts of FlashLM, composed from minigrad's layers. Each `forward` reads as its formula.

    block   x ← x + mixer(norm1(x)) ;  x ← x + glu(norm2(x))                    (B, T, D)
    mixer   x ← x + σ(conv_gate(n)) · conv_value(n), n = norm(x), for each dilation ;
            y = out_proj(x)
    glu     y = down( max(gate(x), 0)² · up(x) ), H numbers wide inside

Only in the convolutions does a position receive information from earlier positions. The names
of the attributes give the state dict the names of FlashLM v3's published checkpoint.
"""

import numpy as np

from minigrad import Module, Tensor
from minigrad import functional as F
from minigrad.layers import CausalConv1d, Linear, RMSNorm, TernaryLinear

from .config import Config


def ternary_options(config: Config) -> dict:
    return {"threshold": config.ternary_threshold, "scale": config.ternary_scale}


def ternary(config: Config, D: int, O: int, rng, dtype, std=None) -> TernaryLinear:
    """A ternary layer with the configuration's threshold and scale."""
    return TernaryLinear(D, O, rng=rng, std=std, dtype=dtype, **ternary_options(config))


class CausalConv(Module):
    """A grouped causal convolution that keeps the width: (B, T, D) -> (B, T, D)."""

    def __init__(self, config: Config, dilation: int, rng, dtype=np.float32):
        D, K, G = config.d_model, config.taps, config.conv_groups
        self.conv = CausalConv1d(D, D, K, rng=rng, groups=G, dilation=dilation, dtype=dtype)
        # v3's kernels have full precision: they are only 98,304 of its 13.6 million weights.
        self.ternary = ternary_options(config) if config.ternary_convs else None

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


class TernaryGLU(Module):
    """A gated linear unit at each position by itself. All three matrices are ternary."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        D, H = config.d_model, config.glu_width
        self.gate_proj = ternary(config, D, H, rng, dtype)
        self.up_proj = ternary(config, D, H, rng, dtype)
        # out_std is the size of the random w. The ternary matrix keeps only its signs. So with
        # scale "none", v3's, a small out_std has no effect, and x grows in each round.
        self.down_proj = ternary(config, H, D, rng, dtype, std=config.out_std)

    def forward(self, x: Tensor) -> Tensor:
        gated = F.relu_squared_gate(self.gate_proj(x), self.up_proj(x))  # (B, T, H)
        return self.down_proj(gated)  # (B, T, D)


class Router(Module):
    """sigmoid(linear(x)), one number per position. FlashLM v3 has it but does not use it."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        self.linear = Linear(config.d_model, 1, rng=rng, std=0.0, dtype=dtype)
        self.linear.bias.data.fill(1)

    def forward(self, x: Tensor) -> Tensor:
        return F.sigmoid(self.linear(x))  # (B, T, D) -> (B, T, 1)


class RecursiveBlock(Module):
    """The block that FlashLM applies several times with the same weights."""

    def __init__(self, config: Config, rng, dtype=np.float32, gated_conv=GatedConv):
        self.norm1 = RMSNorm(config.d_model, eps=config.norm_eps, dtype=dtype)
        self.token_mixer = ConvMixer(config, rng, dtype, gated_conv)
        self.norm2 = RMSNorm(config.d_model, eps=config.norm_eps, dtype=dtype)
        self.glu = TernaryGLU(config, rng, dtype)
        # The published checkpoint has weights for it, so this model has them, too.
        self.router = Router(config, rng, dtype)

    def forward(self, x: Tensor) -> Tensor:
        # x also passes unchanged, so its gradient has a direct path back.
        x = x + self.token_mixer(self.norm1(x))
        return x + self.glu(self.norm2(x))  # (B, T, D)
