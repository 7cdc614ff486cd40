"""Tasks with a known answer: how far back can a model use what it has read?

Each task draws windows of T tokens. A question stands at the end, and its answer at a chosen
distance before it: 1 is the position just before the question. Only answers are scored.

    name    NAME x, noise, ASK            -> x, the word that was named
    key     pairs k v among noise, ASK k  -> v, the word beside this key among others
    copy    a span of 8 words, noise, COPY and the span again -> each of its words
    count   START and words 0, 1, 2       -> the sum of the words since START, modulo 3

Noise is drawn from tokens of its own, so each answer is exact. A guess is right once in 16
(name, key, copy) or once in 3 (count). `count` asks at each position: its distances are 1, 2,
..., and it needs all tokens since START, where the others need one.

source   key: the associative recall of Arora et al. 2023, "Zoology", arXiv:2312.04927; count:
         the modular sums of Merrill et al. 2024, arXiv:2404.08819
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .dataset import Batch

NAME, ASK, COPY, START = range(4)
WORDS, KEYS, NOISE, TOKENS = 4, 20, 36, 64  # the first token of each kind, and their number
SPAN = 8  # words that `copy` repeats
PAIRS = 8  # of a key and a word
MODULUS = 3  # of `count`


@dataclass(frozen=True)
class Questions:
    """Windows of a task: ids and targets (B, T), and what is asked in them.

    positions: flat positions that ask (N,). distances: from each to what it needs (N,).
    """

    ids: np.ndarray
    targets: np.ndarray
    positions: np.ndarray
    distances: np.ndarray

    @property
    def batch(self) -> Batch:
        """The windows for a training step, which scores the answers alone."""
        return self.ids, self.targets, self.positions

    @property
    def answers(self) -> np.ndarray:
        """The right token at each asking position (N,)."""
        return self.targets.reshape(-1)[self.positions]


def name(rng: np.random.Generator, T: int, distances: Sequence[int]) -> Questions:
    """A word that was named `distance` positions before the question, one window each."""
    ids, row, place = _noise(rng, T, distances, least=1, most=T - 2)
    words = rng.integers(WORDS, KEYS, len(ids))
    ids[row, place - 1], ids[row, place], ids[row, -1] = NAME, words, ASK
    return _at_the_end(ids, words[:, None], place[:, None])


def key(rng: np.random.Generator, T: int, distances: Sequence[int]) -> Questions:
    """The word beside a key; the other keys and their words stand at drawn places."""
    ids, row, place = _noise(rng, T, distances, least=2, most=T - 2)
    for r in row:
        keys = rng.permutation(np.arange(KEYS, NOISE))[:PAIRS]
        free = [p for p in range(1, T - 2) if abs(p - place[r]) > 1]
        others = _apart(rng.permutation(free), PAIRS - 1)
        ends = np.array([place[r], *others])  # of the pairs
        ids[r, ends - 1] = keys[: len(ends)]
        ids[r, ends] = rng.integers(WORDS, KEYS, len(ends))
        ids[r, -2:] = ASK, keys[0]
    return _at_the_end(ids, ids[row, place][:, None], place[:, None])


def copy(rng: np.random.Generator, T: int, distances: Sequence[int]) -> Questions:
    """A span of words, to be written again; each of its words is at the distance."""
    ids, row, _ = _noise(rng, T, distances, least=SPAN, most=T - SPAN)
    span = rng.integers(WORDS, KEYS, (len(ids), SPAN))
    places = (T - SPAN - np.asarray(distances))[:, None] + np.arange(SPAN)  # (B, SPAN)
    ids[row[:, None], places] = span
    ids[:, T - SPAN], ids[:, T - SPAN + 1 :] = COPY, span[:, :-1]
    return _at_the_end(ids, span, places)


def count(rng: np.random.Generator, T: int, distances: Sequence[int]) -> Questions:
    """Sums modulo 3 of all words since START; the last one is at the distance."""
    ids, _, place = _noise(rng, T, distances, least=1, most=T - 1)
    since = np.arange(T) - place[:, None]  # (B, T), negative before START
    words = np.where(since > 0, rng.integers(0, MODULUS, ids.shape), 0)
    targets = WORDS + words.cumsum(axis=1) % MODULUS
    ids = np.where(since > 0, WORDS + words, ids)
    ids[since == 0] = START
    positions = np.flatnonzero(since > 0)  # (N,)
    return Questions(ids, targets, positions, since.reshape(-1)[positions])


TASKS: dict[str, Callable[..., Questions]] = {
    task.__name__: task for task in (name, key, copy, count)
}
CHANCE = {"name": 1 / 16, "key": 1 / 16, "copy": 1 / 16, "count": 1 / MODULUS}


def _noise(rng, T, distances, least, most):
    """Windows (B, T) of noise, their rows, and the place at each distance before the end."""
    distances = np.asarray(distances)
    if not len(distances) or distances.min() < least or distances.max() > most:
        raise ValueError(
            f"the distances are {distances.tolist()[:5]}, expected {least} to {most} for "
            f"windows of {T} tokens"
        )
    ids = rng.integers(NOISE, TOKENS, (len(distances), T))
    return ids, np.arange(len(ids)), T - 1 - distances


def _apart(places, most):
    """Some of the places, none beside another: a pair takes two."""
    chosen: list[int] = []
    for place in places:
        if len(chosen) < most and all(abs(place - other) > 1 for other in chosen):
            chosen.append(int(place))
    return chosen


def _at_the_end(ids, answers, places):
    """Questions whose answers (B, A) are asked at the last A positions."""
    B, T = ids.shape
    A = answers.shape[1]
    targets = np.zeros_like(ids)
    targets[:, T - A :] = answers
    asking = np.arange(T - A, T)
    positions = (np.arange(B)[:, None] * T + asking).reshape(-1)
    return Questions(ids, targets, positions, (asking - places).reshape(-1))
