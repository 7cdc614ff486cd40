"""The true loss of a model on held-out tokens, with its standard error.

Each token of the validation row is scored once, given all tokens before it that the model can
see. Windows overlap by the receptive field, so the cuts between windows change no loss. A model
that sees the whole past is given windows as long as in training, of which one half is scored.
"""

import math
from dataclasses import dataclass

import numpy as np

from minigrad import no_grad

from ..data.dataset import TextSize
from ..data.tokenizers.frequent import FrequentTokens
from ..data.tokenizers.tokenizer import Tokenizer
from ..model.config import Config
from ..model.heads.exact import ExactHead
from ..model.language_model import LanguageModel
from ..model.prior.before import tokens_before

WINDOW = 1024  # tokens that a forward pass scores
ROWS = 256  # positions whose logits (ROWS, V) are in memory at once
TOKENS_PER_BLOCK = 128  # neighbouring tokens that count as one measurement
FEWEST = 2 * TOKENS_PER_BLOCK  # tokens for a standard error
SMOOTHING = 0.1  # of the label-smoothed loss that FlashLM v3 reports


@dataclass(frozen=True)
class Evaluation:
    """Means over the scored tokens, in nats per token, with standard errors.

    loss is the true -ln p. smoothed is FlashLM v3's number, 0.9·loss + 0.1·(mean over the
    vocabulary of -ln p). It cannot be compared with the loss of another model. It is NaN except
    for the heads exact and sampled, which score all words, without a prior. The errors are NaN
    for fewer than FEWEST tokens.

    unknown counts the UNK of a short vocabulary. The loss is that of its ids. In the bits, each
    UNK costs spelling_nats more, to be told among the tokens that it stands for; the credited
    bits leave this out, as the author of FlashLM v4 does. Bits per character are NaN where the
    vocabulary has no UNK.
    """

    loss: float
    loss_error: float
    smoothed: float
    smoothed_error: float
    bits_per_byte: float
    tokens: int
    bits_per_character: float = math.nan
    credited_bits_per_character: float = math.nan
    unknown: int = 0
    spelling_nats: float = 0.0

    @property
    def perplexity(self) -> float:
        """e^loss: the number of equally likely tokens that would give the same loss."""
        return math.exp(min(self.loss, 700.0))

    @property
    def scored(self) -> str:
        """The number of tokens in words, and whether they are too few for an error."""
        few = f", too few for a standard error, which needs {FEWEST}"
        return f"{self.tokens:,} tokens" + (few if self.tokens < FEWEST else "")

    def __str__(self) -> str:
        return f"{with_error(self.loss, self.loss_error)} nats per token ({self.scored})"


def evaluate(
    model: LanguageModel,
    config: Config,
    tokens: np.ndarray,
    tokenizer: Tokenizer | FrequentTokens,
    size: TextSize | None = None,
) -> Evaluation:
    """Score all but the first of `tokens` (M + 1,) with the model's present weights.

    size: of the text of these M tokens. A tokenizer without UNK needs none.
    """
    losses, smoothed = token_losses(model, tokens, **config.window_options())
    means = *mean_and_error(losses), *mean_and_error(smoothed)
    bits = float(losses.sum()) / math.log(2)
    if tokenizer.unknown is None or size is None:
        scored_bytes = sum(len(piece) for piece in token_bytes(tokenizer, tokens[1:]))
        return Evaluation(*means, bits_per_byte=bits / max(1, scored_bytes), tokens=len(losses))
    unknown = int(np.count_nonzero(tokens[1:] == tokenizer.unknown))
    honest = bits + unknown * tokenizer.spelling_nats / math.log(2)
    return Evaluation(
        *means,
        bits_per_byte=honest / max(1, size.bytes),
        tokens=len(losses),
        bits_per_character=honest / max(1, size.characters),
        credited_bits_per_character=bits / max(1, size.characters),
        unknown=unknown,
        spelling_nats=tokenizer.spelling_nats,
    )


@np.errstate(over="ignore", invalid="ignore")  # a diverged model scores NaN, without a warning
def token_losses(
    model: LanguageModel, tokens: np.ndarray, context: int, window: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The true and the label-smoothed loss of each token after the first: two arrays (M,).

    Each is given at least `context` tokens before it, as far as there are so many. A forward
    pass scores `window` tokens, by default WINDOW.
    """
    window = window or WINDOW
    ids, targets = tokens[:-1].astype(np.int64), tokens[1:].astype(np.int64)
    before = tokens_before(ids[None])  # (M, 2)
    scores_all = isinstance(model.lm_head, ExactHead) and model.prior is None
    true, smoothed = np.empty(len(ids)), np.full(len(ids), np.nan)
    for start in range(0, len(ids), window):
        stop = min(start + window, len(ids))
        first = max(0, start - context)
        with no_grad():
            h = model.hidden(ids[None, first:stop]).data[0, start - first :]  # (window, D)
        for row in range(start, stop, ROWS):
            rows = slice(row, min(row + ROWS, stop))
            part = h[row - start : rows.stop - start]  # (ROWS, D)
            if scores_all:
                log_p = model.lm_head.log_prob(part, model.lm_head.weight.data)  # (ROWS, V)
                of_target = model.layout.rows(targets[rows])
                true[rows] = -log_p[np.arange(len(part)), of_target]
                smoothed[rows] = (1 - SMOOTHING) * true[rows] - SMOOTHING * log_p.mean(axis=1)
            else:  # fewer products than for all V words
                true[rows] = model.nll(part, before[rows], targets[rows])
    return true, smoothed


def mean_and_error(losses: np.ndarray) -> tuple[float, float]:
    """The mean and its standard error, from the spread of blocks of neighbouring tokens.

    Neighbours share their text, so single tokens are not independent measurements. With fewer
    than two whole blocks the error is unknown, and is NaN.
    """
    whole = len(losses) // TOKENS_PER_BLOCK * TOKENS_PER_BLOCK
    blocks = losses[:whole].reshape(-1, TOKENS_PER_BLOCK).mean(axis=1)
    if len(blocks) < 2:
        return float(losses.mean()), math.nan
    return float(losses.mean()), float(blocks.std(ddof=1) / math.sqrt(len(blocks)))


def with_error(mean: float, error: float) -> str:
    """A mean and its standard error, "0.5021 ± 0.0090"; only the mean if the error is NaN."""
    return f"{mean:.4f}" if math.isnan(error) else f"{mean:.4f} ± {error:.4f}"


def token_bytes(tokenizer: Tokenizer, ids: np.ndarray) -> list[bytes]:
    """The bytes of each id in the text; the end-of-text token has none."""
    end = tokenizer.end_of_text
    return [b"" if i == end else tokenizer.tokens[i] for i in ids]
