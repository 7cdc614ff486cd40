"""Add up all stories: how many there are and how uncertain they are, without listing them.

A Total is three sums over a set of stories. One set *or* another: the sums add. One set *then*
another: counts and probabilities multiply, and since -log p of a pair is the sum of both, the
surprise follows a product rule. So one pass over the tables adds up 10^30 stories.

>>> from flashlm_np.data.stories.grammar import read_tables
>>> tables = read_tables('''
... story
...     1 A [pet] came by. It said "[cry/{pet}]".
... pet
...     1 cat
...     1 dog
... cry/cat
...     1 Meow
... cry/dog
...     1 Woof
...     1 Wow
... ''')
>>> total = add_up(tables)  # the three stories have probability 1/2, 1/4, 1/4
>>> total.count, total.probability, round(total.surprise / math.log(2), 6)
(3, 1.0, 1.5)
"""

import math
from typing import NamedTuple

from flashlm_np.data.stories.grammar import Choose
from flashlm_np.data.stories.walk import find, recall


class Total(NamedTuple):
    """Sums over a set of stories: Σ 1, Σ p and Σ p · (-log p), the last in nats."""

    count: int
    probability: float
    surprise: float

    def plus(self, other):
        return Total(*(a + b for a, b in zip(self, other, strict=True)))

    def then(self, other):
        (n, p, s), (m, q, t) = self, other
        return Total(n * m, p * q, s * q + p * t)


def add_up(tables, start="story"):
    """The Total over all walks from the table `start`: count and entropy, exactly."""
    totals = Sums(tables).through(Choose(start, None), frozenset())
    return Total(*(sum(column) for column in zip(*totals.values(), strict=True)))


class Sums:
    """Totals of all walks through a table, grouped by where they leave us.

    Only facts that name a table, the `k` of `[x/{k}]`, decide what may follow. They are the
    state; walks that end in the same state are added up. Such facts must be plain words.
    """

    def __init__(self, tables):
        self.tables, self.done = tables, {}
        self.keys = {place.key for place in places(tables)}

    def through(self, place, state):
        """{state after: Total} of the walks through the table that `place` names."""
        if (place, state) not in self.done:
            table = find(self.tables, place, dict(state))
            self.done[place, state] = self.choose(table, state)
        return self.done[place, state]

    def choose(self, table, state):
        ends = {}
        for option in table.options:
            p = option.probability
            paths = {state: Total(1, p, -p * math.log(p))}
            for piece in option.pieces:
                if isinstance(piece, Choose):
                    paths = self.extend(paths, piece)
            for end, total in paths.items():
                merge(ends, self.learn(end, table, option), total)
        return ends

    def extend(self, paths, place):
        longer = {}
        for state, total in paths.items():
            for end, more in self.through(place, state).items():
                merge(longer, end, total.then(more))
        return longer

    def learn(self, state, table, option):
        """The state after an option has stated its facts."""
        stated = [(table.slot, option.pieces), *option.facts]
        news = {fact: recall(words, {}) for fact, words in stated if fact in self.keys}
        return frozenset({**dict(state), **news}.items())


def places(tables):
    """Every Choose in the templates of the tables."""
    options = [option for table in tables.values() for option in table.options]
    return [piece for o in options for piece in o.pieces if isinstance(piece, Choose)]


def merge(sums, key, total):
    """Add total to sums[key]."""
    sums[key] = sums[key].plus(total) if key in sums else total
