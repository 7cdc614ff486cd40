"""FlashLM with any of its parts in PyTorch, for FlashLM v4 and other configurations.

torch_flashlm.py is v3 alone. Here the sizes and parts are those of a configuration, which is
only read: the code shares nothing with `minigrad`. The names in the state dict are those of
flashlm_np.model. The head is the exact one, or the sampled one with sparse gradients.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.torch_flashlm import GatedConv, NorMuon, RMSNorm, Router
from benchmarks.torch_sampled import LazyAdamW

MULTIPLIER = 0x9E3779B97F4A7C15 - 2**64  # as a signed integer of 64 bits


class Ternary(nn.Module):
    """A linear map with weights s · {-1, 0, +1}. The gradient passes straight to them."""

    def __init__(self, d_in: int, d_out: int, config):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(d_out, d_in) * d_in**-0.5)
        self.threshold, self.scale = config.ternary_threshold, config.ternary_scale

    def forward(self, x: Tensor) -> Tensor:
        w = self.weight
        with torch.no_grad():
            size = w.abs()
            kept = size > self.threshold * size.mean()
            scales = {"none": 1.0, "mean": size.mean(), "kept": size[kept].mean()}
            q = torch.where(kept, w.sign(), 0.0) * scales[self.scale]
        return F.linear(x, q + (w - w.detach()))


class Convs(nn.Module):
    """v3's mixer: residual gated convolutions, then a ternary map."""

    def __init__(self, config):
        super().__init__()
        D, K, G = config.d_model, config.taps, config.conv_groups
        norms = (RMSNorm(D, config.norm_eps) for _ in config.dilations)
        self.norms = nn.ModuleList(norms)
        self.layers = nn.ModuleList(GatedConv(D, K, d, G) for d in config.dilations)
        self.out_proj = Ternary(D, D, config)

    def forward(self, x: Tensor) -> Tensor:
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + layer(norm(x))
        return self.out_proj(x)


class Depthwise(nn.Module):
    """v4's mixer: a gated convolution of each channel between two ternary maps."""

    def __init__(self, config):
        super().__init__()
        D, self.taps = config.d_model, config.taps
        self.in_proj, self.out_proj = Ternary(D, 2 * D, config), Ternary(D, D, config)
        self.conv = nn.Conv1d(D, D, self.taps, groups=D, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.in_proj(x).chunk(2, dim=-1)
        past = F.pad(value.transpose(1, 2), (self.taps - 1, 0))  # (B, D, K - 1 + T)
        return self.out_proj(gate.sigmoid() * self.conv(past).transpose(1, 2))


def projection(config, width: int) -> nn.Module:
    """A map that reads a mixer's input: of full precision, or ternary."""
    if config.ternary_mixer:
        return Ternary(config.d_model, width, config)
    return nn.Linear(config.d_model, width, bias=False)


class Attention(nn.Module):
    """PyTorch's own attention between maps, with rotary positions as complex numbers."""

    def __init__(self, config):
        super().__init__()
        W, self.heads = config.inner_width, config.attention_heads
        self.q_proj, self.k_proj, self.v_proj = (projection(config, W) for _ in range(3))
        self.out_proj = Ternary(W, config.d_model, config)
        K = config.attention_taps
        convs = [nn.Conv1d(W, W, K, groups=W, bias=False) for _ in range(3 if K else 0)]
        self.convs = nn.ModuleList(convs)

    def forward(self, x: Tensor) -> Tensor:
        parts = [p(x) for p in (self.q_proj, self.k_proj, self.v_proj)]
        for i, conv in enumerate(self.convs):
            past = F.pad(parts[i].transpose(1, 2), (conv.kernel_size[0] - 1, 0))
            parts[i] = conv(past).transpose(1, 2)
        q, k, v = (y.unflatten(2, (self.heads, -1)).transpose(1, 2) for y in parts)
        y = F.scaled_dot_product_attention(self.turned(q), self.turned(k), v, is_causal=True)
        return self.out_proj(y.transpose(1, 2).flatten(2))

    def turned(self, x: Tensor) -> Tensor:
        """Number i of a head and number i + C/2, as one complex number, times e^(iθ)."""
        T, C = x.shape[-2:]
        rates = 1e4 ** (-torch.arange(0, C, 2, dtype=torch.float64) / C)
        angles = torch.outer(torch.arange(T, dtype=torch.float64), rates)
        pairs = torch.complex(*x.chunk(2, dim=-1))
        y = pairs * torch.polar(torch.ones_like(angles), angles).to(pairs.dtype)
        return torch.cat([y.real, y.imag], dim=-1)


class GRU(nn.Module):
    """The recurrence of the MatMul-free model, one position after another."""

    def __init__(self, config):
        super().__init__()
        W = config.inner_width
        self.i_proj, self.f_proj, self.g_proj = (projection(config, W) for _ in range(3))
        self.g_norm = RMSNorm(W, config.norm_eps) if config.gru_gate == "code" else None
        self.out_proj = Ternary(W, config.d_model, config)

    def forward(self, x: Tensor) -> Tensor:
        taken, kept, gate = F.silu(self.i_proj(x)), self.f_proj(x).sigmoid(), self.g_proj(x)
        states, h = [], torch.zeros_like(taken[:, 0])
        for t in range(x.shape[1]):
            h = torch.lerp(taken[:, t], h, kept[:, t])
            states.append(h)
        h = torch.stack(states, dim=1)
        if self.g_norm is None:
            return self.out_proj(gate.sigmoid() * h)
        return self.out_proj(self.g_norm(gate) * F.silu(h))


MIXERS = {"gated_convs": Convs, "depthwise": Depthwise, "attention": Attention, "mlgru": GRU}


class GLU(nn.Module):
    """down(f(gate(x)) · up(x)), with f the square of relu, or silu."""

    def __init__(self, config):
        super().__init__()
        D, H, self.activation = config.d_model, config.glu_width, config.activation
        self.gate_proj, self.up_proj = Ternary(D, H, config), Ternary(D, H, config)
        self.down_proj = Ternary(H, D, config)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.gate_proj(x)
        gate = F.silu(gate) if self.activation == "silu" else F.relu(gate).square()
        return self.down_proj(gate * self.up_proj(x))


class Block(nn.Module):
    """Mixer and GLU. Each has a norm before it and a residual connection around it."""

    def __init__(self, config):
        super().__init__()
        D, eps = config.d_model, config.norm_eps
        self.norm1, self.norm2 = RMSNorm(D, eps), RMSNorm(D, eps)
        self.token_mixer = MIXERS[config.mixer](config)
        self.glu = GLU(config)
        if config.mixer == "gated_convs" and config.blocks == 1:
            self.router = Router(D)
        self.mixer_gain = self.glu_gain = None
        if config.output_gains:
            self.mixer_gain = nn.Parameter(torch.zeros(D))
            self.glu_gain = nn.Parameter(torch.zeros(D))

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.token_mixer(self.norm1(x))
        x = x + (mixed if self.mixer_gain is None else mixed * self.mixer_gain)
        gated = self.glu(self.norm2(x))
        return x + (gated if self.glu_gain is None else gated * self.glu_gain)


class Skip(nn.Module):
    """The numbers a and b of x ← a x + b x₀, one pair for each application but the first."""

    def __init__(self, count: int):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.ones(count)), nn.Parameter(torch.zeros(count))


class Model(nn.Module):
    """Token ids (B, T) to logits (B, T, V), or to those of flat positions (N, V)."""

    def __init__(self, config):
        super().__init__()
        V, D, applications = (
            config.vocab_size,
            config.d_model,
            config.recursions * config.blocks,
        )
        self.V, self.recursions = V, config.recursions
        sparse, rows = config.head == "sampled", config.bigram_rows
        self.embedding = nn.Embedding(V, D, sparse=sparse)
        self.bigrams = nn.Embedding(rows, D, sparse=sparse) if rows else None
        self.first_skip = Skip(applications - 1) if config.first_skip else None
        self.block = Block(config)
        self.more_blocks = nn.ModuleList(Block(config) for _ in range(config.blocks - 1))
        self.final_norm = RMSNorm(D, config.norm_eps)
        self.lm_head = nn.Linear(D, V, bias=False)
        self.lm_head.weight = self.embedding.weight

    def forward(self, ids: Tensor, positions: Tensor | None = None) -> Tensor:
        return self.lm_head(self.after_words(self.words(ids), positions))

    def words(self, ids: Tensor) -> Tensor:
        """What the block reads: (B, T, D)."""
        return self.embedding(ids) + self.pairs(ids)

    def after_words(self, first: Tensor, positions: Tensor | None = None) -> Tensor:
        """What the head reads: (B, T, D), or (N, D) of flat positions."""
        x = first
        for r, block in enumerate([self.block, *self.more_blocks] * self.recursions):
            if self.first_skip is not None and r:
                x = self.first_skip.a[r - 1] * x + self.first_skip.b[r - 1] * first
            x = block(x)
        if positions is not None:
            x = x.flatten(0, 1)[positions]
        return self.final_norm(x)

    def pairs(self, ids: Tensor) -> Tensor | float:
        """The rows of the pairs of tokens; before the first token stands the id V."""
        if self.bigrams is None:
            return 0.0
        before = F.pad(ids, (1, -1), value=self.V)
        h = ((before * self.V + ids) * MULTIPLIER >> 32) & (2**32 - 1)  # modulo 2⁶⁴
        return self.bigrams(h * self.bigrams.num_embeddings >> 32)


def make_optimizers(model: Model, config) -> list:
    """AdamW in groups as in flashlm_np.training.optimizers; NorMuon if it moves matrices."""
    tables = {id(p) for m in (model.embedding, model.bigrams) if m for p in m.parameters()}
    groups: dict[str, list] = {"matrices": [], "kernels": [], "gains": [], "tables": []}
    kinds = {1: "gains", 2: "matrices", 3: "kernels"}
    for name, p in model.named_parameters():
        if "router" not in name:
            groups["tables" if id(p) in tables else kinds[p.ndim]].append(p)
    by_normuon = config.matrix_optimizer == "normuon"
    matrices = groups.pop("matrices") if by_normuon else []
    of_rows = groups.pop("tables") if config.head == "sampled" else []
    decays = {"gains": config.weight_decay * config.decay_gains}
    rates = {"kernels": config.adamw_lr * config.conv_lr_ratio}
    adamw = {"lr": config.adamw_lr, "betas": (0.9, 0.95), "weight_decay": config.weight_decay}
    in_groups = [
        {"params": group, "lr": rates.get(kind, adamw["lr"])}
        | {"weight_decay": decays.get(kind, config.weight_decay)}
        for kind, group in groups.items()
        if group
    ]
    optimizers = [torch.optim.AdamW(in_groups, **adamw, fused=True)]
    optimizers += [LazyAdamW(of_rows, **adamw)] if of_rows else []
    optimizers += [NorMuon(matrices, lr=config.normuon_lr)] if matrices else []
    for group in (g for optimizer in optimizers for g in optimizer.param_groups):
        group["initial_lr"] = group["lr"]
    return optimizers
