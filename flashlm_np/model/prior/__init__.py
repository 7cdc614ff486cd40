"""A prior from counts: the network learns what the trigrams of the text do not know.

mixture.py   the operation: the loss of two probabilities with a gate between them, a page
counted.py   the module: the trigrams, the gate's weights, and the tokens that a target follows
"""

from .counted import CountedPrior

PRIORS = ("none", "trigram")


def new_prior(config, ngrams, dtype) -> CountedPrior | None:
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
    return CountedPrior(ngrams, config.d_model, config.network_loss, dtype)
