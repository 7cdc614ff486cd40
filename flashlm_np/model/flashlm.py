"""FlashLM: an embedding, one block applied several times, and the embedding again as output.

x = embedding[ids];  x = block(x), R times;  logits = final_norm(x) · embeddingᵀ
"""

from __future__ import annotations

import numpy as np

from minigrad import Module, Parameter, Tensor, no_grad
from minigrad import functional as F
from minigrad.layers import Embedding, RMSNorm

from .config import Config
from .layers import RecursiveBlock


class TiedHead(Module):
    """The output matrix: the embedding table itself, under its second name."""

    def __init__(self, weight: Parameter, fused: bool):
        self.weight, self.fused = weight, fused

    def forward(self, h: Tensor) -> Tensor:
        return F.linear(h, self.weight)  # (..., D) -> (..., V)

    def loss(
        self,
        h: Tensor,
        targets: np.ndarray,
        *,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        **blocks,
    ) -> Tensor:
        """Mean loss of rows h (N, D) against ids (N,), in nats: minigrad/ops/tied_head.py.

        `blocks` are the options there that say how, and not what, is computed.
        """
        options = {"label_smoothing": label_smoothing, "z_loss": z_loss}
        if not self.fused:
            return F.cross_entropy(self(h), targets, **options)
        blocks["with_dw"] = self.weight.requires_grad
        return F.tied_head(h, self.weight, targets, **options, **blocks)


class FlashLM(Module):
    """The language model. `config` gives every size; weights are drawn from `rng`.

    With config.fused=False the gates and the head run as compositions of simple operations:
    the same numbers, more memory, nothing to take on trust.
    """

    def __init__(self, config: Config, rng: np.random.Generator, dtype=np.float32):
        V, D = config.vocab_size, config.d_model
        self.recursions = config.recursions
        self.embedding = Embedding(V, D, rng=rng, std=config.embedding_std, dtype=dtype)
        self.block = RecursiveBlock(config, rng, dtype)
        self.final_norm = RMSNorm(D, eps=config.norm_eps, dtype=dtype)
        self.lm_head = TiedHead(self.embedding.weight, config.fused)

    def hidden(self, ids: np.ndarray) -> Tensor:
        """What the head sees: ids (B, T) -> (B, T, D)."""
        x = self.embedding(ids)
        for _ in range(self.recursions):
            x = self.block(x)
        return self.final_norm(x)

    def forward(self, ids: np.ndarray) -> Tensor:
        """Logits of the next token at every position: ids (B, T) -> (B, T, V)."""
        return self.lm_head(self.hidden(ids))

    def loss(self, ids, targets, positions=None, **options) -> Tensor:
        """Mean loss in nats of targets (B, T), or of the given flat `positions` of them only.

        `options` are label_smoothing and z_loss, both 0 unless given.
        """
        targets = targets.reshape(-1)
        scored = targets if positions is None else targets[positions]
        return self.lm_head.loss(self.scored(ids, positions), scored, **options)

    def scored(self, ids: np.ndarray, positions: np.ndarray | None = None) -> Tensor:
        """What the head sees of ids (B, T), a row per position: all, or the given flat ones."""
        h = self.hidden(ids)
        h = h.reshape(-1, h.shape[-1])  # (B, T, D) -> (B·T, D)
        return h if positions is None else F.select_rows(h, positions)

    def next_logits(self, ids: np.ndarray) -> np.ndarray:
        """Logits (B, V) of the token after ids (B, T), without recording anything."""
        with no_grad():
            return self.lm_head(self.hidden(ids)[:, -1]).data


def receptive_field(config: Config) -> int:
    """How many tokens, the present one included, can influence one prediction."""
    per_block = 1 + (config.taps - 1) * sum(config.dilations)
    return 1 + config.recursions * (per_block - 1)


def expect_sizes(config: Config, weights: dict[str, np.ndarray]) -> None:
    """Raise a ValueError unless the weights have the configuration's sizes.

    For weights that were read: a model is made of them only after this, so that no
    configuration can ask for more memory than its weights take.
    """
    D, last = config.d_model, len(config.dilations) - 1
    kernel = (D, D // config.conv_groups, config.taps)
    sizes = {"embedding.weight": (config.vocab_size, D)}
    sizes["block.glu.gate_proj.weight"] = (config.glu_width, D)
    if config.dilations:
        sizes[f"block.token_mixer.layers.{last}.conv_gate.conv.weight"] = kernel
    for name, shape in sizes.items():
        found = weights[name].shape if name in weights else None
        if found != shape:
            raise ValueError(f"{name} has shape {found}, but the configuration says {shape}")
