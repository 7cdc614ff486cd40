"""FlashLM v3 in PyTorch, the reference for correctness and for speed.

The code follows the published definitions, shares nothing with `minigrad`, and uses PyTorch's
autograd. Names in the state dict are the published ones. It works in float32 and float64, and
needs torch >= 2.4.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MicroBatch = tuple[Tensor, Tensor, Tensor]  # ids (B, T), targets (B, T), positions (N,)


# The model -----------------------------------------------------------------------------------


class RMSNorm(nn.Module):
    """Scale each row to unit root mean square, then by a learned gain."""

    def __init__(self, width: int, eps: float = 1e-8):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.scale.shape, self.scale, self.eps)


def ternary(w: Tensor) -> Tensor:
    """Weights in {-1, 0, +1}: 0 where |w| is below its mean. The gradient passes straight to w.

    `w - w.detach()` is exactly zero and has gradient one, so the values stay exactly ternary.
    """
    with torch.no_grad():
        size = w.abs()
        signs = torch.where(size > size.mean(), w.sign(), 0.0)
    return signs + (w - w.detach())


class TernaryLinear(nn.Module):
    """A linear map without bias or scale; its weights are -1, 0 or +1 in the product."""

    def __init__(self, d_in: int, d_out: int, std: float | None = None):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d_out, d_in))
        nn.init.normal_(self.weight, std=d_in**-0.5 if std is None else std)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, ternary(self.weight))


class CausalConv(nn.Module):
    """A grouped, dilated, causal convolution over time: (B, D, T) -> the same shape."""

    def __init__(self, width: int, taps: int = 4, dilation: int = 1, groups: int = 16):
        super().__init__()
        self.conv = nn.Conv1d(width, width, taps, dilation=dilation, groups=groups, bias=False)
        self.reach = (taps - 1) * dilation
        nn.init.normal_(self.conv.weight, std=(taps * width // groups) ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (self.reach, 0)))


class GatedConv(nn.Module):
    """sigmoid(conv_gate(x)) * conv_value(x): (B, T, D) -> the same shape."""

    def __init__(self, width: int, taps: int, dilation: int, groups: int):
        super().__init__()
        self.conv_gate = CausalConv(width, taps, dilation, groups)
        self.conv_value = CausalConv(width, taps, dilation, groups)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x.transpose(1, 2), (self.conv_gate.reach, 0))  # (B, D, reach + T), for both
        gate, value = self.conv_gate.conv(x), self.conv_value.conv(x)  # (B, D, T)
        return (gate.sigmoid() * value).transpose(1, 2)  # (B, T, D)


class ConvMixer(nn.Module):
    """Mix positions: one residual gated convolution per dilation, then a ternary projection."""

    def __init__(self, width: int, taps: int = 4, dilations=(1, 4, 64), groups: int = 16):
        super().__init__()
        self.norms = nn.ModuleList(RMSNorm(width) for _ in dilations)
        self.layers = nn.ModuleList(GatedConv(width, taps, d, groups) for d in dilations)
        self.out_proj = TernaryLinear(width, width, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + layer(norm(x))
        return self.out_proj(x)


class TernaryGLU(nn.Module):
    """down(relu(gate(x))² · up(x)), all three maps ternary."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.gate_proj = TernaryLinear(width, hidden)
        self.up_proj = TernaryLinear(width, hidden)
        self.down_proj = TernaryLinear(hidden, width, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.relu(self.gate_proj(x)).square() * self.up_proj(x))


class Router(nn.Module):
    """A sigmoid per position. FlashLM v3 has its parameters, and never uses its output."""

    def __init__(self, width: int):
        super().__init__()
        self.linear = nn.Linear(width, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.ones_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).sigmoid()


class RecursiveBlock(nn.Module):
    """Mixer and GLU. Each has a norm before it and a residual connection around it."""

    def __init__(self, width: int, hidden: int, taps: int, dilations, groups: int):
        super().__init__()
        self.norm1, self.norm2 = RMSNorm(width), RMSNorm(width)
        self.token_mixer = ConvMixer(width, taps, dilations, groups)
        self.glu = TernaryGLU(width, hidden)
        self.router = Router(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.token_mixer(self.norm1(x))
        return x + self.glu(self.norm2(x))


class FlashLM(nn.Module):
    """Token ids (B, T) to logits; the defaults are v3's sizes (13,555,969 parameters)."""

    def __init__(
        self,
        vocab: int = 50257,
        width: int = 256,
        hidden: int | None = None,
        *,
        taps: int = 4,
        dilations: Sequence[int] = (1, 4, 64),
        groups: int = 16,
        recursions: int = 2,
    ):
        super().__init__()
        hidden = int(2.67 * width) if hidden is None else hidden
        self.recursions = recursions
        self.embedding = nn.Embedding(vocab, width)
        # v3 loads GPT-2's embedding instead, projected to its width.
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.block = RecursiveBlock(width, hidden, taps, dilations, groups)
        self.final_norm = RMSNorm(width)
        self.lm_head = nn.Linear(width, vocab, bias=False)
        self.lm_head.weight = self.embedding.weight

    def forward(self, ids: Tensor, positions: Tensor | None = None) -> Tensor:
        """Logits of every position (B, T, V), or only of those flat `positions` (N, V)."""
        x = self.embedding(ids)  # (B, T, D)
        for _ in range(self.recursions):
            x = self.block(x)
        if positions is not None:
            x = x.flatten(0, 1)[positions]  # (N, D): rows are independent from here on
        return self.lm_head(self.final_norm(x))


# The loss ------------------------------------------------------------------------------------


def sample_positions(count: int, fraction: float = 0.25, generator=None) -> Tensor:
    """A random `fraction` of `count` flat positions, at least one, without repetition."""
    return torch.randperm(count, generator=generator)[: max(1, int(fraction * count))]


def loss_of_logits(z: Tensor, targets: Tensor, *, smoothing: float = 0.1, z_loss: float = 1e-4):
    """Smoothed cross-entropy in nats per token, plus `z_loss` times the mean squared log Z.

    `F.cross_entropy` and `z.logsumexp` would read the logits twice. This form takes log Z from
    the log-softmax of the cross-entropy, and is 1.5 times as fast.
    """
    log_p = z.log_softmax(-1)
    log_z = z[:, 0] - log_p[:, 0]
    plain, uniform = F.nll_loss(log_p, targets), -log_p.mean()
    return (1 - smoothing) * plain + smoothing * uniform + z_loss * log_z.square().mean()


def training_loss(model: FlashLM, ids: Tensor, targets: Tensor, positions: Tensor) -> Tensor:
    """v3's training loss at the flat `positions` only."""
    return loss_of_logits(model(ids, positions), targets.flatten()[positions])


# The optimizers ------------------------------------------------------------------------------


def newton_schulz(g: Tensor, steps: int = 5, eps: float = 1e-7) -> Tensor:
    """Bring the singular values of g to about 0.7 to 1.2, in the dtype of g."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.T if g.size(0) > g.size(1) else g
    x = x / (x.norm() + eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if g.size(0) > g.size(1) else x


class OneByOne(torch.optim.Optimizer):
    """An optimizer whose `_update` moves one parameter, with the options of its group."""

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, **group)


class NorMuon(OneByOne):
    """v3's NorMuon: orthogonalized momentum, each row divided by its running RMS.

    No Nesterov, no bias correction, no weight decay; every update has Frobenius norm
    0.2 · √(rows · cols) · lr. The authors of the method (arXiv:2510.05491) do all of
    this differently.
    """

    def __init__(self, params, lr=0.02, momentum=0.95, beta2=0.999, eps=1e-8):
        defaults = {"lr": lr, "momentum": momentum, "beta2": beta2, "eps": eps}
        super().__init__(params, defaults)

    def _update(self, p: Tensor, *, lr, momentum, beta2, eps, **_) -> None:
        state = self.state[p]
        if not state:
            state["m"], state["v"] = torch.zeros_like(p), torch.zeros_like(p[:, :1])
        m = state["m"].lerp_(p.grad, 1 - momentum)
        o = newton_schulz(m)
        v = state["v"].lerp_(o.square().mean(1, keepdim=True), 1 - beta2)
        o = o / (v.sqrt() + eps)
        p.sub_(o * (lr * 0.2 * p.numel() ** 0.5 / (o.norm() + eps)))


def make_optimizers(model: FlashLM, muon_lr: float = 0.02, adam_lr: float = 3e-4) -> list:
    """NorMuon for the matrices, AdamW for the rest; only embedding and kernels decay."""
    embedding = model.embedding.weight
    named = [(name, p) for name, p in model.named_parameters() if p is not embedding]
    rest = [p for name, p in named if "router" not in name]  # the router is not used
    groups = [
        {"params": [embedding, *(p for p in rest if p.ndim == 3)], "weight_decay": 0.1},
        {"params": [p for p in rest if p.ndim == 1], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=adam_lr, betas=(0.9, 0.95), eps=1e-8, fused=True)
    optimizers = [NorMuon([p for p in rest if p.ndim == 2], lr=muon_lr), adamw]
    for group in (g for optimizer in optimizers for g in optimizer.param_groups):
        group["initial_lr"] = group["lr"]
    return optimizers


def schedule(step: int, *, warmup: int = 200, decay_from: int = 9000, total: int = 10_000):
    """The factor of both rates rises to 1, stays 1, and falls to 0. Steps count from 1."""
    if step < warmup:
        return step / warmup
    return 1.0 if step < decay_from else (total - step) / (total - decay_from)


# Training ------------------------------------------------------------------------------------


class EMA:
    """An exponential average of all weights of a model; tied weights have one average."""

    def __init__(self, model: nn.Module, decay: float = 0.999):
        self.decay = decay
        self.live = [p.detach() for p in model.parameters()]
        self.average = [p.clone() for p in self.live]
        self.names = [name for name, _ in model.named_parameters()]

    def update(self) -> None:
        torch._foreach_lerp_(self.average, self.live, 1 - self.decay)

    def state_dict(self) -> dict[str, Tensor]:
        return dict(zip(self.names, self.average, strict=True))


def train_step(
    model: FlashLM,
    optimizers: Sequence[torch.optim.Optimizer],
    micro_batches: Iterable[MicroBatch],
    *,
    factor: float = 1.0,
    max_norm: float = 1.0,
    freeze_embedding: bool = False,
    ema: EMA | None = None,
    clip=nn.utils.clip_grad_norm_,
) -> tuple[float, float]:
    """Take one training step of v3; return the mean loss and the gradient norm before clipping.

    `factor` multiplies the rates (see `schedule`). Freezing the embedding freezes the head.
    """
    model.embedding.weight.requires_grad_(not freeze_embedding)
    model.zero_grad(set_to_none=True)
    loss = accumulate(model, list(micro_batches))
    norm = clip(model.parameters(), max_norm)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = factor * group["initial_lr"]
        optimizer.step()
    if ema is not None:
        ema.update()
    return loss, norm.item()


def accumulate(model: FlashLM, micro_batches: Sequence[MicroBatch]) -> float:
    """Add the gradient of the mean loss over the micro-batches; returns that mean."""
    total = 0.0
    for batch in micro_batches:
        loss = training_loss(model, *batch) / len(micro_batches)
        loss.backward()
        total += loss.item()
    return total
