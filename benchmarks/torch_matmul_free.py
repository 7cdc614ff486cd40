"""The MatMul-free language model in PyTorch, the reference for speed and for a second parity.

The roundings are those of the authors' code (its BitLinear before it is fused), and autograd
does the rest. The recurrence is a loop over the positions: the authors' own kernel needs a GPU.
A configuration is only read: the code shares nothing with `minigrad`. The names in the state
dict are the authors', which flashlm_np.model.matmul_free has, too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def straight_through(x: Tensor, rounded: Tensor) -> Tensor:
    """The rounded numbers, with the gradient of x."""
    return x + (rounded - x).detach()


def in_8_bits(a: Tensor) -> Tensor:
    scale = 127.0 / a.abs().amax(dim=-1, keepdim=True).clamp(min=1e-5)
    return straight_through(a, (a * scale).round().clamp(-128, 127) / scale)


def ternary(w: Tensor) -> Tensor:
    scale = 1.0 / w.abs().mean().clamp(min=1e-5)
    return straight_through(w, (w * scale).round().clamp(-1, 1) / scale)


class Norm(nn.Module):
    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class BitLinear(nn.Linear):
    def __init__(self, d_in: int, d_out: int, eps: float):
        super().__init__(d_in, d_out, bias=False)
        self.norm = Norm(d_in, eps)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(in_8_bits(self.norm(x)), ternary(self.weight))


class Mixer(nn.Module):
    def __init__(self, config):
        super().__init__()
        D, eps = config.d_model, config.norm_eps
        self.i_proj, self.f_proj, self.g_proj, self.o_proj = (
            BitLinear(D, D, eps) for _ in range(4)
        )
        self.g_norm = Norm(D, eps) if config.gru_gate == "code" else None

    def forward(self, x: Tensor, bound: Tensor | float) -> Tensor:
        kept = bound + (1 - bound) * self.f_proj(x).sigmoid()
        taken, gate = (1 - kept) * F.silu(self.i_proj(x)), self.g_proj(x)
        states, h = [], torch.zeros_like(taken[:, 0])
        for t in range(x.shape[1]):
            h = torch.addcmul(taken[:, t], kept[:, t], h)
            states.append(h)
        h = torch.stack(states, dim=1)
        if self.g_norm is None:
            return self.o_proj(gate.sigmoid() * h)
        return self.o_proj(self.g_norm(gate) * F.silu(h))


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        D, H, eps = config.d_model, config.glu_width, config.norm_eps
        self.gate_proj, self.down_proj = BitLinear(D, 2 * H, eps), BitLinear(H, D, eps)

    def forward(self, x: Tensor) -> Tensor:
        u, v = self.gate_proj(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(u) * v)


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        D, eps = config.d_model, config.norm_eps
        self.attn_norm, self.attn = Norm(D, eps), Mixer(config)
        self.mlp_norm, self.mlp = Norm(D, eps), MLP(config)

    def forward(self, x: Tensor, bound: Tensor | float) -> Tensor:
        x = x + self.attn(self.attn_norm(x), bound)
        return x + self.mlp(self.mlp_norm(x))


class Backbone(nn.Module):
    def __init__(self, config):
        super().__init__()
        V, D, L = config.vocab_size, config.d_model, config.blocks
        self.embeddings = nn.Embedding(V, D)
        self.lower_bounds = nn.Parameter(torch.zeros(L, D)) if config.lower_bounds else None
        self.layers = nn.ModuleList(Block(config) for _ in range(L))
        self.norm = Norm(D, config.norm_eps)

    def forward(self, ids: Tensor) -> Tensor:
        x, bounds = self.embeddings(ids), [0.0] * len(self.layers)
        if self.lower_bounds is not None:
            p = self.lower_bounds.softmax(dim=0)
            bounds = p.cumsum(dim=0) - p[0]
        for block, bound in zip(self.layers, bounds, strict=True):
            x = block(x, bound)
        return self.norm(x)


class Model(nn.Module):
    """Token ids (B, T) to logits (B, T, V), or to those of flat positions (N, V)."""

    def __init__(self, config):
        super().__init__()
        self.model = Backbone(config)
        self.lm_head = BitLinear(config.d_model, config.vocab_size, config.norm_eps)

    @property
    def embedding(self) -> nn.Embedding:
        return self.model.embeddings

    def forward(self, ids: Tensor, positions: Tensor | None = None) -> Tensor:
        x = self.model(ids)
        return self.lm_head(x if positions is None else x.flatten(0, 1)[positions])


def make_optimizers(model: Model, config) -> list:
    """AdamW, with weight decay on matrices, as in flashlm_np.training.optimizers."""
    decayed = [p for n, p in model.named_parameters() if p.ndim == 2 and "bounds" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim == 1 or "bounds" in n]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": config.weight_decay * config.decay_gains},
    ]
    adamw = torch.optim.AdamW(groups, lr=config.adamw_lr, betas=(0.9, 0.95), fused=True)
    for group in adamw.param_groups:
        group["initial_lr"] = group["lr"]
    return [adamw]
