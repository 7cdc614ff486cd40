"""The parts of a model that a new run counts in its training text."""

import numpy as np

from ..data.dataset import Dataset
from ..model.config import Config
from ..model.heads import needs_vectors, new_layout
from ..model.heads.layout import TableLayout
from ..ngrams.kneser_ney import KneserNey
from ..training.initial_embedding import from_corpus
from ..training.threads import Workers


def layout_of(
    config: Config, dataset: Dataset, embedding: np.ndarray | None = None
) -> TableLayout:
    """The order of the words for a new run, from the counts of its training tokens.

    Classes by meaning come from `embedding`, or if there is none, from the tokens' neighbours.
    """
    if config.head == "exact":
        return new_layout(config)
    counts = np.bincount(dataset.train, minlength=config.vocab_size)
    if needs_vectors(config) and embedding is None:
        embedding = from_corpus(dataset.train, config.vocab_size, config.d_model).table
    with Workers(1).at_work():  # many small products, for which more threads only wait
        return new_layout(config, counts, embedding)


def ngrams_of(config: Config, dataset: Dataset) -> KneserNey | None:
    """The trigrams of the training tokens, if the prior needs them.

    3 seconds on one core, and 220 MB at the peak, for 4.7 million tokens of textbooks.
    """
    if config.prior == "none":
        return None
    return KneserNey.count(dataset.train, 3, config.vocab_size)
