"""Writing: choose the next token from the model's distribution, append it, repeat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minigrad.errors import expect_integers

from ..data.tokenizers.tokenizer import Tokenizer
from ..model.config import Config
from ..model.flashlm import FlashLM
from .streaming import Head, Stream

SELDOM = 1e-5  # times the probability of the likeliest token


def choose(
    logits: np.ndarray, rng, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> int:
    """One token id from logits (V,).

    Args:
        temperature: divides the logits; 0 takes the likeliest token.
        top_k: keep only the k likeliest tokens; 0 keeps all.
        top_p: keep the fewest likeliest tokens that together have this probability.

    Sorting a large vocabulary would take longer than the model does: so only the likely tokens
    are sorted, and all of them where the dice or the options ask for more.

    Source: nucleus sampling (top_p): Holtzman et al. 2020, arXiv:1904.09751.
    """
    if temperature == 0:
        return int(logits.argmax())
    z = (logits - logits.max()).astype(np.float64) / temperature
    p = np.exp(z)
    p /= p.sum()
    dice = rng.random()
    likely = np.flatnonzero(p >= SELDOM * p.max())
    for ids in (likely, np.arange(len(p))):
        order = ids[np.argsort(-z[ids], kind="stable")]
        place = _place(np.cumsum(p[order]), dice, len(p), top_k, top_p)
        if place < len(order):
            break
    return int(order[place])


def _place(mass, dice, V, top_k, top_p) -> int:
    """Where the dice fall, the likeliest token first; V if that is not among the ones here.

    `mass` (n,) is the probability of the n likeliest tokens, summed up.
    """
    keep = min(top_k or V, V, 1 + int(np.searchsorted(mass, top_p)))
    if keep <= len(mass):
        place = np.searchsorted(mass[:keep], dice * mass[keep - 1], side="right")
        return int(place.clip(0, keep - 1))
    if top_k or top_p < 1:
        return V  # the kept ones are not all here, nor what they sum up to
    place = int(np.searchsorted(mass, dice, side="right"))  # all V are kept, which sum up to 1
    return place if place < len(mass) else V


def generate(
    model: FlashLM,
    prompt: np.ndarray,
    tokens: int,
    rng: np.random.Generator,
    *,
    context: int | None = None,
    vocab_size: int | None = None,
    stop: int | None = None,
    head: Head | None = None,
    int8_activations: bool = False,
    packed: bool = False,
    **options,
) -> Iterator[int]:
    """Yield up to `tokens` ids that continue `prompt` (T,), ending before the id `stop`.

    Each token is run once, for the stream keeps what a later one will ask of it. With a
    `context` below the model's receptive field, it sees no more than so many tokens: that takes
    running them all for each new one. Ids from `vocab_size` on, which the model may have and
    the tokenizer not, are never chosen. `head`,
    `int8_activations` and `packed` are those of Stream, and `options` those of `choose`.
    """
    if not len(prompt):
        raise ValueError("generate: the prompt is empty, expected at least one token")
    expect_integers(
        "generate", "prompt", np.asarray(prompt), len(model.lm_head.weight.data), "V"
    )
    stream = Stream(model, head, int8_activations=int8_activations, packed=packed)
    seen = min(context or stream.context, stream.context)
    ids = [int(i) for i in prompt]
    state, new = stream.state(), ids[-seen:]
    for _ in range(tokens):
        stream.prefill(state, np.array([new[:-1]], np.int64))
        logits = stream.step(state, new[-1:])[0]  # (V,)
        ids.append(choose(logits[:vocab_size], rng, **options))
        if ids[-1] == stop:
            return
        yield ids[-1]
        new = ids[-1:]
        if seen < stream.context:
            state, new = stream.state(), ids[-seen:]


@dataclass
class Writer:
    """A model with its tokenizer: text in, text out.

    `separated` says whether its corpus has end-of-text tokens between documents: then a text
    begins after one, and ends when the model writes the next. `head` may replace the model's.
    """

    model: FlashLM
    config: Config
    tokenizer: Tokenizer
    separated: bool
    head: Head | None = None

    def write(self, prompt: str, tokens: int, seed: int = 0, **options) -> Iterator[str]:
        """Yield the continuation of `prompt` piece by piece; `options` as in `choose`."""
        ids = generate(
            self.model,
            self.start(self.tokenizer.encode(prompt)),
            tokens,
            np.random.default_rng(seed),
            vocab_size=self.tokenizer.vocab_size,
            stop=self.tokenizer.end_of_text if self.separated else None,
            head=self.head,
            **options,
        )
        return self.tokenizer.decode_stream(ids)

    def start(self, ids: np.ndarray) -> np.ndarray:
        """The ids to begin with: after a separator; without one, at least some."""
        if self.separated:
            return np.concatenate([[self.tokenizer.end_of_text], ids.astype(np.int64)])
        return ids if len(ids) else self.tokenizer.encode(self.tokenizer.beginning)
