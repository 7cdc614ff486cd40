"""The sampled head in PyTorch: its loss, and the optimizer that moves few rows of a table.

As in flashlm_np.model.heads.sampled and minigrad.optim.lazy_adamw, with PyTorch's own sparse
gradients. The code shares nothing with them.
"""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.torch_flashlm import OneByOne


def training_loss(draw: Callable, log_p: Tensor, compiled: bool = False) -> Callable:
    """The training loss of a model of torch_parts.py, as torch_flashlm.training_loss.

    draw() gives the candidates (K,) of a batch, and log_p (V,) is ln of the probability that a
    row of the table is one. All rows of a batch share them as rivals.
    """

    def after_words(model, words, positions, *rows):
        h = model.after_words(words, positions).flatten(0, -2)
        return loss_of_rows(h, *rows)

    if compiled:  # the number of candidates changes from batch to batch
        after_words = torch.compile(after_words, dynamic=True)

    def loss(model, ids, targets, positions):
        y = targets.flatten() if positions is None else targets.flatten()[positions]
        rows = gathered(model.embedding.weight, y, torch.from_numpy(draw()), log_p)
        return after_words(model, model.words(ids), positions, *rows)

    return loss


def gathered(table: Tensor, y: Tensor, candidates: Tensor, log_p: Tensor) -> tuple:
    """What the loss reads of the table: torch.compile knows no sparse gradients."""
    of_candidates, of_targets = (F.embedding(i, table, sparse=True) for i in (candidates, y))
    return of_candidates, of_targets, log_p[candidates], log_p[y], candidates == y[:, None]


def loss_of_rows(h, of_candidates, of_targets, log_p_candidates, log_p_targets, is_target):
    """The mean loss of rows h (N, D) from the rows of K candidates and of N targets."""
    z = h @ of_candidates.T - log_p_candidates  # (N, K)
    u = (h * of_targets).sum(-1) - log_p_targets  # (N,)
    z = z.masked_fill(is_target, -torch.inf)  # a target is a rival only once
    return (torch.logaddexp(z.logsumexp(-1), u) - u).mean()


@torch.no_grad()
def clip_grad_norm_(parameters: Iterable[nn.Parameter], max_norm: float) -> Tensor:
    """nn.utils.clip_grad_norm_, which does not know sparse gradients. These become unique."""
    gradients = []
    for p in parameters:
        if p.grad is not None and p.grad.is_sparse:
            p.grad = p.grad.coalesce()
        if p.grad is not None:
            gradients.append(p.grad.values() if p.grad.is_sparse else p.grad)
    norm = nn.utils.get_total_norm(gradients)
    torch._foreach_mul_(gradients, (max_norm / (norm + 1e-6)).clamp(max=1.0))
    return norm


class LazyAdamW(OneByOne):
    """AdamW of the rows that have a gradient; all others only decay.

    PyTorch's SparseAdam has no weight decay, and the moments of a row wait in it.
    """

    def __init__(self, params, lr, betas, weight_decay, eps=1e-8):
        defaults = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "eps": eps}
        super().__init__(params, defaults)

    def _update(self, p: Tensor, *, lr, betas, weight_decay, eps, **_) -> None:
        state = self.state[p]
        if not state:
            state["t"], state["last"] = 0, torch.zeros(len(p), dtype=torch.int64)
            state["m"], state["v"] = torch.zeros_like(p), torch.zeros_like(p)
        state["t"] += 1
        t, ids, g = state["t"], p.grad.indices()[0], p.grad.values()
        p.mul_(1 - lr * weight_decay)
        # Steps since the last gradient, at least 1. An integer exponent would give float32.
        since = (t - state["last"][ids])[:, None].to(p.dtype)
        m = state["m"][ids] * betas[0] ** since + (1 - betas[0]) * g
        v = state["v"][ids] * betas[1] ** since + (1 - betas[1]) * g * g
        state["m"][ids], state["v"][ids], state["last"][ids] = m, v, t
        size = (v / (1 - betas[1] ** t)).sqrt_().add_(eps)
        p.index_add_(0, ids, m / size, alpha=-lr / (1 - betas[0] ** t))
