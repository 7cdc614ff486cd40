"""Layouts of the table: rows by frequency, cut into classes by frequency or by meaning.

The work for a target is G scores of classes and |c| scores of rows, in its class c. With a
share p_v of the targets for row v, f_c = Σ_{v∈c} p_v, the expected work is G + Σ_c f_c |c|.

    by frequency    By Cauchy and Schwarz, f_c |c| ≥ (Σ_{v∈c} √p_v)², equal if p is constant in
                    c. The squares of G numbers with a given sum S = Σ_v √p_v add up to S² / G
                    or more, equal if the numbers are. So no classes need less than S² / G, and
                    classes of equal Σ √p come near it if p differs little inside each: rows are
                    cut in the order of frequency. G + S² / G is least at G = S.
    by meaning      A class of like tokens has frequent and rare ones, so p is not constant. A
                    set of n rows with the share f that is cut into k such classes needs
                    about k (f/k) (n/k) = f n / k. Two sets with k classes together need
                    f₁n₁/k₁ + f₂n₂/k₂, which is least at k₁ : k₂ = √(f₁n₁) : √(f₂n₂). A set is
                    cut in this proportion; with a constant p it is that of Σ √p again.

Measured on 4.7 million tokens of textbooks (V = 50,257; S = 109; G = 224, so S² / G = 53): by
frequency 54 rows per target; by meaning 95, and 114 if sets are cut by equal Σ √p. For that,
the class of a token and that of the next share 0.69 nats of information, and not 0.13.

Sources: classes for speed, Goodman 2001, arXiv:cs/0108006. Cut by frequency, Mikolov et al.
2011 (equal Σ p; their RNNLM toolkit also has equal Σ √p). The exact minimum, by dynamic
programming, Zweig & Makarychev 2013; their classes for speed have a perplexity 5 to 10 % above
that of classes for likelihood. Balanced splits along principal directions: ours.
"""

import numpy as np

from .layout import PSEUDO_COUNT, TableLayout

CLASS_ORDERS = ("frequency", "meaning")
ROWS = 4096  # of a table that are in float64 at once


def by_frequency(counts: np.ndarray, classes: int = 1, first: int = 0) -> TableLayout:
    """Rows by falling count, cut into classes of about equal Σ √(count + 1/2).

    counts: (V,) by token. Tokens with equal counts stay in the order of their ids.
    first: so many rows, the most frequent ones, stand before the classes and are in none.

    Raises ValueError if there are fewer rows than classes.
    """
    order, counts = _by_falling_count(counts, classes, first)
    mass = np.sqrt(counts[first:] + PSEUDO_COUNT)
    below = np.concatenate([[0], np.cumsum(mass)])
    starts = [0]
    for left in range(classes, 1, -1):  # a class gets its part of what the ones before it left
        goal = below[starts[-1]] + (below[-1] - below[starts[-1]]) / left
        end = _nearest(below, goal)
        starts.append(min(max(end, starts[-1] + 1), len(mass) - left + 1))
    return TableLayout(order, counts, first + np.array([*starts, len(mass)]))


def by_meaning(
    counts: np.ndarray, vectors: np.ndarray, classes: int, first: int = 0
) -> TableLayout:
    """Classes of tokens whose vectors point the same way; inside a class, by falling count.

    A set of rows that needs k classes is ordered along the principal direction of its vectors,
    scaled to length 1 and weighted by √(count + 1/2). It is cut in two sets, for k // 2 and
    k - k // 2 classes. Tokens that never occur get classes of their own, as many as their part
    of Σ √(count + 1/2): in a class with others they would be scored for each of its targets.
    Vectors of zeros have no direction; they are cut by count.

    vectors: (V, D) by token, as `initial_embedding.from_corpus` counts them. `counts` and
    `first` as in `by_frequency`.

    Raises ValueError if there are fewer rows than classes, or vectors are not finite.
    """
    order, counts = _by_falling_count(counts, classes, first)
    if len(vectors) != len(counts) or not np.isfinite(vectors).all():
        raise ValueError(
            f"vectors of shape {vectors.shape}: expected {len(counts)} finite rows"
        )
    vectors, p = _unit(vectors)[order], counts + PSEUDO_COUNT
    unseen = max(first, np.count_nonzero(counts))  # the first row of a token that never occurs
    sets = []
    for rows, k in _seen_and_unseen(p, first, unseen, classes):
        sets += _split(rows, k, vectors, p)
    starts = first + np.cumsum([0, *map(len, sets)])
    rows = np.concatenate([np.arange(first), *sets])
    return TableLayout(order[rows], counts[rows], starts)


def _by_falling_count(counts, classes, first):
    rows = len(counts) - first
    if not 1 <= classes <= rows:
        raise ValueError(f"{classes} classes of {rows} rows: expected 1 to {rows} classes")
    counts = np.asarray(counts, np.int64)  # the negative of an unsigned number is none
    order = np.argsort(-counts, kind="stable")
    return order, counts[order]


def _nearest(rising, goal):
    """The index of the number that is nearest to the goal."""
    above = int(np.searchsorted(rising, goal))
    return above - (goal - rising[above - 1] < rising[above] - goal)


def _seen_and_unseen(p, first, unseen, classes):
    """The rows of the tokens that occur, and those of the others, each with its classes."""
    V = len(p)
    if classes == 1 or unseen in (first, V):
        return [(np.arange(first, V), classes)]
    mass = np.sqrt(p[first:])
    k = round(classes * mass[unseen - first :].sum() / mass.sum())
    k = min(max(k, 1, classes - (unseen - first)), classes - 1, V - unseen)
    return [(np.arange(first, unseen), classes - k), (np.arange(unseen, V), k)]


def _split(rows, k, vectors, p):
    """Cut rows, which are by falling frequency, into k sets of like vectors."""
    if k == 1:
        return [rows]
    along = rows[np.argsort(_positions(vectors, rows, np.sqrt(p[rows])), kind="stable")]
    f, n = np.cumsum(p[along]), np.arange(1, len(rows) + 1)
    before, after = np.sqrt(f * n), np.sqrt((f[-1] - f) * (n[-1] - n))
    k1 = k // 2
    cut = np.count_nonzero(before * (k - k1) < after * k1) + 1
    cut = min(max(cut, k1), len(rows) - (k - k1))
    parts = (along[:cut], k1), (along[cut:], k - k1)
    return [s for part, k in parts for s in _split(np.sort(part), k, vectors, p)]


def _positions(vectors, rows, weight):
    """Where the rows stand along their principal direction: (N,)."""
    D = vectors.shape[1]
    moment, gram = np.zeros(D), np.zeros((D, D))
    for x, g in _blocks(vectors, rows, weight):
        moment += g @ x
        gram += (x * g[:, None]).T @ x
    gram -= np.outer(moment, moment) / weight.sum()  # the covariance, times the sum of weights
    direction = np.linalg.eigh(gram)[1][:, -1]
    # The sign of a direction is free. The largest entry is positive, on every machine.
    direction *= np.sign(direction[np.abs(direction).argmax()])
    at = np.concatenate([x @ direction for x, _ in _blocks(vectors, rows, weight)])
    return at.astype(np.float32)  # equal vectors are at equal places, whatever BLAS rounds


def _blocks(vectors, rows, weight):
    for start in range(0, len(rows), ROWS):
        block = slice(start, start + ROWS)
        yield vectors[rows[block]].astype(np.float64), weight[block]


def _unit(vectors):
    """The vectors scaled to length 1, in float32; zeros stay."""
    length = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return (vectors / np.where(length == 0, 1, length)).astype(np.float32)
