"""The candidates of the sampled softmax: the rows of the table that one batch scores.

    draws         k rows from a proposal q (V,), with replacement
    candidates    C = the draws and the N targets of the batch, each row once, sorted     (K,)
    inclusion     P_v = 1 - (1-q_v)^k · (1-f_v)^(N-1), the probability that row v is in C
                  beside a given target: no draw is v, with 1 - q_v each, and none of the other
                  targets is v, with 1 - f_v each. f_v is the word's share of the training text.
    proposals     log_uniform   q_r = ln((r+2)/(r+1)) / ln(V+1), about 1/(r+1): Zipf's law. The
                                rows must be in the order of falling frequency.
                  counts        q_v in proportion to (count_v + 1)^0.75
    source        log-uniform and P as 1 - (1-q)^k: TensorFlow's "Candidate Sampling Algorithms
                  Reference"; the power 0.75: Mikolov et al. 2013, arXiv:1310.4546

The power lies between the share of each word in the text and the uniform distribution, so rare
words are drawn more often than they occur. sampled.py derives the use of ln P.
"""

import numpy as np

from minigrad.errors import expect_integers

POWER = 0.75
BELOW_ONE = np.nextafter(1.0, 0.0)  # ln(1 - q) is finite up to here


def log_uniform(counts):
    """q (V,), which uses the rows' order alone."""
    V = len(counts)
    return np.log1p(1 / np.arange(1, V + 1)) / np.log(V + 1)


def from_counts(counts):
    """q (V,). It is uniform if all counts are equal."""
    q = (counts + 1.0) ** POWER  # 1 more, so that a word without a count can be drawn
    return q / q.sum()


PROPOSALS = {"counts": from_counts, "log_uniform": log_uniform}


def log_inclusion(q, f, draws: int, others: int):
    """ln P of rows with probability q in each of the draws, and f in each other target."""
    q, f = np.minimum(q, BELOW_ONE), np.minimum(f, BELOW_ONE)
    # In this form, an inclusion of 1e-12 keeps its digits: 1 - (1 - 1e-12) would lose four.
    log_absent = draws * np.log1p(-q) + others * np.log1p(-f)
    return np.log(-np.expm1(log_absent))


class Candidates:
    """Draws the candidates of a batch from a table with `counts` (V,) of its rows."""

    def __init__(self, counts: np.ndarray, draws: int, proposal: str):
        self.q = PROPOSALS[proposal](counts)  # (V,)
        self.f = counts / max(1, counts.sum())  # (V,)
        self.draws = draws
        self.cumulative = np.cumsum(self.q)
        self.cumulative /= self.cumulative[-1]  # ends at exactly 1, above every random number

    def draw(
        self, targets: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The candidates (K,) for targets (N,), and their ln P (K,) in float64.

        With as many draws as rows, or more, every row is a candidate, and nothing is drawn.
        """
        V = len(self.q)
        expect_integers("sampled", "targets", targets, below=V, size_name="V")
        if self.draws >= V:
            return np.arange(V), np.zeros(V)
        drawn = np.searchsorted(self.cumulative, rng.random(self.draws), side="right")
        is_candidate = np.zeros(V, bool)
        is_candidate[drawn] = is_candidate[targets] = True
        rows = np.flatnonzero(is_candidate)  # sorted, without a sort
        return rows, log_inclusion(self.q[rows], self.f[rows], self.draws, len(targets) - 1)
