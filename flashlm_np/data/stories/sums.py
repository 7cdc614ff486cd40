"""Sums over all stories, without listing them: their number and their entropy.

A Total holds three sums over a set of stories. For one set *or* another, the sums add. For one
set *followed by* another, counts and probabilities multiply; -log p of a pair is the sum of
both, so Σ p · (-log p) follows a product rule. One pass over the tables, which keeps the totals
of each table (dynamic programming), sums over 10^30 stories.

>>> from flashlm_np.data.stories.grammar import read_tables
>>> tables = read_tables('''
... story
...     1 A [pet] came by.
... pet
...     2 cat
...     1 dog
...     1 fox
... ''')
>>> total = sum_over_stories(tables)  # three stories of probability 1/2, 1/4, 1/4
>>> total.count, total.probability, round(total.entropy / math.log(2), 6)
(3, 1.0, 1.5)
"""

import math
from collections import defaultdict
from functools import cache
from typing import NamedTuple

from .derivation import fill, find_table
from .grammar import Choose, Table


class Total(NamedTuple):
    """Sums over a set of stories: Σ 1, Σ p and Σ p · (-log p), the last in nats."""

    count: int = 0
    probability: float = 0.0
    entropy: float = 0.0

    def plus(self, other: "Total") -> "Total":
        return Total(*(a + b for a, b in zip(self, other, strict=True)))

    def then(self, other: "Total") -> "Total":
        (n, p, s), (m, q, t) = self, other
        return Total(n * m, p * q, s * q + p * t)


def sum_over_stories(tables: dict[str, Table], start: str = "story") -> Total:
    """The exact Total of all derivations from the table `start`."""
    total = Total()
    for ending in _Sums(tables).through(Choose(start, None), frozenset()).values():
        total = total.plus(ending)
    return total


class _Sums:
    """Totals of the derivations of each table, grouped by the state after them.

    The state holds the facts that name a table, the `k` of `[x/{k}]`: only they decide what may
    follow. Their values must be plain words.
    """

    def __init__(self, tables):
        self.tables, self.keys = tables, {place.key for place in places(tables)}
        self.through = cache(self.through)  # each place and state is summed once

    def through(self, place, state):
        """{state after: Total} of the derivations of the table that `place` names."""
        table, ends = find_table(self.tables, place, dict(state)), defaultdict(Total)
        for option in table.options:
            p = option.probability
            paths = {state: Total(1, p, -p * math.log(p))}
            for piece in option.pieces:
                if isinstance(piece, Choose):
                    paths = self.extend(paths, piece)
            for end, total in paths.items():
                end = self.state_after(end, table, option)
                ends[end] = ends[end].plus(total)
        return ends

    def extend(self, paths, place):
        longer = defaultdict(Total)
        for state, total in paths.items():
            for end, more in self.through(place, state).items():
                longer[end] = longer[end].plus(total.then(more))
        return longer

    def state_after(self, state, table, option):
        """The state after an option has stated its facts."""
        stated = [(table.name, option.pieces), *option.facts]
        new = {fact: fill(pieces, {}) for fact, pieces in stated if fact in self.keys}
        return frozenset({**dict(state), **new}.items())


def places(tables: dict[str, Table]) -> list[Choose]:
    """Every Choose in the templates of the tables."""
    options = [option for table in tables.values() for option in table.options]
    return [piece for o in options for piece in o.pieces if isinstance(piece, Choose)]
