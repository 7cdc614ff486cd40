"""The candidates of the sampled softmax: the rows of the table that all rows of a batch share.

    draws         k rows from a proposal q (V,), with replacement
    candidates    C = the drawn rows, each once, in rising order                          (K,)
    inclusion     P_v = 1 - (1-q_v)^k, the probability that v is in C: not every draw misses it
    proposals     log_uniform   q_r = ln((r+2)/(r+1)) / ln(V+1), about 1/(r+1): Zipf's law. The
                                rows must be in the order of falling frequency.
                  counts        q_v in proportion to (count_v + 1)^0.75. The power 1 would give
                                the shares of the words, and the power 0 equal shares
    source        log-uniform and P: TensorFlow's "Candidate Sampling Algorithms Reference";
                  the power 0.75: Mikolov et al. 2013, arXiv:1310.4546

sampled.py derives the use of ln P.
"""

import numpy as np

POWER = 0.75
BELOW_ONE = np.nextafter(1.0, 0.0)  # ln(1 - q) is finite up to here


def log_uniform(counts):
    """q (V,), which uses the order of the rows alone."""
    V = len(counts)
    return np.log1p(1 / np.arange(1, V + 1)) / np.log(V + 1)


def from_counts(counts):
    """q (V,). It is uniform if all counts are equal."""
    q = (counts + 1.0) ** POWER  # 1 more, so that a word without a count can be drawn
    return q / q.sum()


PROPOSALS = {"counts": from_counts, "log_uniform": log_uniform}


def log_inclusion(q, draws: int):
    """ln P of rows with the probability q in each draw: the shape of q, in float64."""
    # In this form, a q of 1e-12 keeps its digits. 1 - (1 - 1e-12) would lose twelve of sixteen.
    return np.log(-np.expm1(draws * np.log1p(-np.minimum(q, BELOW_ONE))))


class Candidates:
    """Draws candidates from a table whose rows have the `counts` (V,) in the training text.

    With as many draws as rows, or more, every row is a candidate, and nothing is drawn.
    """

    def __init__(self, counts: np.ndarray, draws: int, proposal: str):
        self.q = PROPOSALS[proposal](counts)  # (V,)
        self.draws = draws
        self.takes_all = draws >= len(counts)
        # ln P (V,)
        self.log_p = np.zeros(len(counts)) if self.takes_all else log_inclusion(self.q, draws)
        self.cumulative = np.cumsum(self.q)
        self.cumulative /= self.cumulative[-1]  # ends at exactly 1, above every random number

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """The candidates of one batch (K,), rising."""
        if self.takes_all:
            return np.arange(len(self.q))
        if rng is None:
            raise TypeError(
                "sampled: rng is None, expected a generator that draws the candidates; pass "
                "rng=np.random.default_rng(0) to loss or train_step"
            )
        drawn = np.searchsorted(self.cumulative, rng.random(self.draws), side="right")
        return np.unique(drawn)
