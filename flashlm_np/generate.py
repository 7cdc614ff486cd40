"""Writing: choose the next token from the model's distribution, append it, repeat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .config import Config
from .model import FlashLM, receptive_field
from .tokenizer import Tokenizer


def choose(
    logits: np.ndarray, rng, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> int:
    """One token id from logits (V,).

    Args:
        temperature: divides the logits; 0 takes the likeliest token.
        top_k: keep only the k likeliest tokens; 0 keeps all.
        top_p: keep the fewest likeliest tokens that together have this probability.

    Source: nucleus sampling (top_p): Holtzman et al. 2020, arXiv:1904.09751.
    """
    if temperature == 0:
        return int(logits.argmax())
    z = (logits - logits.max()).astype(np.float64) / temperature
    order = np.argsort(-z, kind="stable")
    p = np.exp(z[order])
    p /= p.sum()
    mass = np.cumsum(p)
    keep = min(top_k or len(p), len(p), 1 + int(np.searchsorted(mass, top_p)))
    dice = rng.random() * mass[keep - 1]
    return int(order[np.searchsorted(mass[:keep], dice, side="right").clip(0, keep - 1)])


def generate(
    model: FlashLM,
    prompt: np.ndarray,
    tokens: int,
    rng: np.random.Generator,
    *,
    context: int,
    vocab_size: int | None = None,
    stop: int | None = None,
    **options,
) -> Iterator[int]:
    """Yield up to `tokens` ids that continue `prompt` (T,), ending before the id `stop`.

    `context` is how many tokens the model can see (its receptive field): older ones cannot
    change the next, so they are not run again. Ids from `vocab_size` on, which the model may
    have and the tokenizer not, are never chosen. `options` are those of `choose`.
    """
    ids = [int(i) for i in prompt]
    for _ in range(tokens):
        logits = model.next_logits(np.array([ids[-context:]]))[0]  # (V,)
        ids.append(choose(logits[:vocab_size], rng, **options))
        if ids[-1] == stop:
            return
        yield ids[-1]


@dataclass
class Writer:
    """A model with its tokenizer: text in, text out.

    `separated` says whether its corpus has end-of-text tokens between documents: then a text
    begins after one, and ends when the model writes the next.
    """

    model: FlashLM
    config: Config
    tokenizer: Tokenizer
    separated: bool

    def write(self, prompt: str, tokens: int, seed: int = 0, **options) -> Iterator[str]:
        """Yield the continuation of `prompt` piece by piece; `options` as in `choose`."""
        ids = generate(
            self.model,
            self.start(self.tokenizer.encode(prompt)),
            tokens,
            np.random.default_rng(seed),
            context=receptive_field(self.config),
            vocab_size=self.tokenizer.vocab_size,
            stop=self.tokenizer.end_of_text if self.separated else None,
            **options,
        )
        return self.tokenizer.decode_stream(ids)

    def start(self, ids: np.ndarray) -> np.ndarray:
        """The ids to begin with: after a separator; without one, at least some."""
        if self.separated:
            return np.concatenate([[self.tokenizer.end_of_text], ids.astype(np.int64)])
        return ids if len(ids) else self.tokenizer.encode(self.tokenizer.beginning)
