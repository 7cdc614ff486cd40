"""Generate text: draw the next token from the model's distribution, append it, repeat.

    z       logits after the last token, divided by the temperature                   (V,)
    p       softmax(z), the probability of each token                                 (V,)
    top_k   keep only the k most likely tokens
    top_p   keep the most likely tokens, as few as needed for a sum of p of top_p or more;
            with both, the smaller set is kept, and p is still that of all tokens
    draw    u is uniform between 0 and the sum of the kept p. The most likely token has the
            first p_1 of that interval, the next one the next p_2, and so on.

The whole text runs through the model again for each token. streaming.py keeps what a later
token needs, and runs each token once. The tests hold both equal.

source   top_k: Fan et al. 2018, arXiv:1805.04833; top_p: Holtzman et al. 2020, arXiv:1904.09751
"""

from collections.abc import Iterator

import numpy as np

from ..model.language_model import LanguageModel
from .sampling_checks import expect_sampling


def sample_token(
    logits: np.ndarray,
    rng: np.random.Generator,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> int:
    """Draw one token id from logits (V,). top_k=0 and top_p=1 keep all tokens.

    Raises ValueError if an option is impossible, or the logits are not finite.
    """
    expect_sampling("sample_token", logits, temperature, top_k, top_p)
    # A lower temperature makes likely tokens more likely. 0 always takes the most likely one.
    if temperature == 0:
        return int(logits.argmax())
    # Softmax does not change when a number is subtracted, and e^z ≤ 1 cannot overflow.
    z = (logits - logits.max()).astype(np.float64) / temperature  # (V,)
    p = np.exp(z)
    p /= p.sum()

    order = np.argsort(-z, kind="stable")  # (V,) ids, the most likely first
    cumulative = np.cumsum(p[order])  # (V,) probability of the first 1, 2, 3, ... tokens
    enough = 1 + int(np.searchsorted(cumulative, top_p))  # tokens that reach top_p
    keep = min(top_k or len(p), enough, len(p))  # len(p): rounding may leave the sum below 1

    u = rng.random() * cumulative[keep - 1]
    place = int(np.searchsorted(cumulative[:keep], u, side="right"))
    return int(order[min(place, keep - 1)])  # rounding may put u at the very end


def generate(
    model: LanguageModel,
    prompt: np.ndarray,
    tokens: int,
    rng: np.random.Generator,
    *,
    stop: int | None = None,
    vocab_size: int | None = None,
    **sampling,
) -> Iterator[int]:
    """Yield up to `tokens` ids that continue `prompt` (T,), and end before the id `stop`.

    The model may have more ids than the tokenizer: ids of `vocab_size` or more are never drawn.
    `sampling` are the options of sample_token.
    """
    ids = [int(i) for i in prompt]
    for _ in range(tokens):
        # The positions before the last one are computed, too: the convolutions look at them.
        logits = model.next_logits(np.array([ids]))[0]  # ids (1, T) -> (V,)
        token = sample_token(logits[:vocab_size], rng, **sampling)
        if token == stop:
            return
        yield token
        ids.append(token)  # the next token depends on this one
