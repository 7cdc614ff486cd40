"""A prior from counts: the network learns what the trigrams of the text do not know.

counted.py   the trigrams, and a gate between them and the network
mixture.py   its operation: the loss of two probabilities, mixed by the gate, a page
logits.py    the other form: ln p of the trigrams and the network's logits, added
before.py    the tokens that a target follows

Both forms have the same three methods: loss, nll and log_prob.
"""

from .counted import CountedPrior
from .logits import LogitPrior

PRIORS = ("none", "trigram", "trigram_logits")


def new_prior(config, ngrams, dtype) -> CountedPrior | LogitPrior | None:
    """The prior that config.prior names, of the n-grams that were counted.

    Raises ValueError if there are no n-grams, or those of another vocabulary or length.
    """
    if config.prior == "none":
        return None
    if ngrams is None:
        raise ValueError("the prior needs the counts of the training text, and there are none")
    if (ngrams.order, ngrams.vocab_size) != (3, config.vocab_size):
        raise ValueError(
            f"the counts are {ngrams.order}-grams of {ngrams.vocab_size:,} tokens, expected "
            f"trigrams of {config.vocab_size:,}"
        )
    if config.prior == "trigram_logits":
        return LogitPrior(ngrams)
    return CountedPrior(ngrams, config.d_model, config.network_loss, dtype)
