"""Text in, text out: a model with its tokenizer, and the fast form of generate.py.

Gains for v3: 2.2 ms per token, where a context of 256 tokens run again takes 16 ms
(docs/inference.md), and 0.7 ms to draw one of 50,257 tokens, where sorting all takes 6 ms.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minigrad.errors import expect_integers

from ..data.tokenizers.tokenizer import Tokenizer
from ..model.config import TEMPERATURE
from ..model.language_model import LanguageModel
from ..model.matmul_free.lm import MatMulFreeLM
from .sampling_checks import expect_sampling
from .streaming import Stream
from .streaming_matmul_free import MatMulFreeStream

LIKELY = 1e-5  # of the most likely token's probability: the least that a likely token has


@dataclass
class TextGenerator:
    """A model with its tokenizer.

    has_separators: whether the end-of-text token separates the documents of the dataset. Then
        a text starts after one, and ends when the model generates the next.
    """

    model: LanguageModel
    tokenizer: Tokenizer
    has_separators: bool

    def generate(self, prompt: str, tokens: int, seed: int = 0, **options) -> Iterator[str]:
        """Yield the continuation of `prompt` in pieces. `options` as in generate_fast."""
        ids = generate_fast(
            self.model,
            self.prompt_ids(prompt),
            tokens,
            np.random.default_rng(seed),
            vocab_size=self.tokenizer.vocab_size,
            stop=self.tokenizer.end_of_text if self.has_separators else None,
            **options,
        )
        return self.tokenizer.decode_stream(ids)

    @np.errstate(over="ignore", invalid="ignore")  # of a model that diverged
    def sample(self, tokens: int, seed: int = 0) -> str:
        """A text without a prompt; if the model diverged, in brackets why there is none."""
        try:
            return "".join(self.generate("", tokens, seed, temperature=TEMPERATURE))
        except ValueError as error:
            return f"(nothing; {error})"

    def prompt_ids(self, prompt: str) -> np.ndarray:
        """The ids of a prompt: after a separator, or if there are none, at least one id."""
        ids = self.tokenizer.encode(prompt)
        if self.has_separators:
            return np.concatenate([[self.tokenizer.end_of_text], ids.astype(np.int64)])
        return ids if len(ids) else self.tokenizer.encode(self.tokenizer.beginning)


def new_stream(model: LanguageModel, int8_activations: bool = False) -> Stream:
    """The streaming form of a model. `int8_activations` as in Stream."""
    if not isinstance(model, MatMulFreeLM):
        return Stream(model, int8_activations=int8_activations)
    if int8_activations:
        raise ValueError(
            "generate: the activations of the model matmul_free always have 8 bits; leave out "
            "int8"
        )
    return MatMulFreeStream(model)


def generate_fast(
    model: LanguageModel,
    prompt: np.ndarray,
    tokens: int,
    rng: np.random.Generator,
    *,
    stop: int | None = None,
    vocab_size: int | None = None,
    int8_activations: bool = False,
    **sampling,
) -> Iterator[int]:
    """generate.generate, with each token run once. `int8_activations` as in Stream.

    Raises:
        ValueError: the prompt is empty, an option is impossible, or the model has diverged.
        ShapeError: the prompt has an id that the model has not.
    """
    prompt = np.asarray(prompt)
    if not len(prompt):
        raise ValueError("generate: the prompt is empty, expected at least one token")
    expect_integers("generate", "prompt", prompt, len(model.embedding.weight.data), "V")
    stream = new_stream(model, int8_activations)
    state, token = stream.state(), int(prompt[-1])
    # Tokens before the receptive field change nothing. A prior always sees two.
    seen = min(len(prompt), max(2, stream.receptive_field))
    stream.prefill(state, prompt[len(prompt) - int(seen) : -1])
    for _ in range(tokens):
        logits = stream.step(state, token)  # (V,)
        token = sample_token_fast(logits[:vocab_size], rng, **sampling)
        if token == stop:
            return
        yield token


def sample_token_fast(
    logits: np.ndarray,
    rng: np.random.Generator,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> int:
    """generate.sample_token, with the likely tokens sorted and all only where these need it."""
    expect_sampling("sample_token", logits, temperature, top_k, top_p)
    if temperature == 0:
        return int(logits.argmax())
    z = (logits - logits.max()).astype(np.float64) / temperature  # (V,)
    p = np.exp(z)
    p /= p.sum()
    u = rng.random()
    likely = np.flatnonzero(p >= LIKELY * p.max())
    for ids in (likely, np.arange(len(p))):
        order = ids[np.argsort(-z[ids], kind="stable")]
        place = _place(np.cumsum(p[order]), u, len(p), top_k, top_p)
        if place < len(order):
            break
    return int(order[place])


def _place(mass, u, V, top_k, top_p) -> int:
    """The place of the drawn token, the most likely first; n or more if it is further back.

    `mass` (n,) is the cumulated probability of the n most likely tokens.
    """
    keep = min(top_k or V, V, 1 + int(np.searchsorted(mass, top_p)))
    if keep <= len(mass):
        total = mass[keep - 1]
    elif top_k or top_p < 1:
        return V  # the sum of the kept ones is not known here
    else:
        total = 1.0  # all V are kept
    return min(int(np.searchsorted(mass[:keep], u * total, side="right")), keep - 1)
