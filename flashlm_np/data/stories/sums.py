"""Sums over all stories, without listing them: their number and their entropy.

A Total holds three sums over a set of stories. For one set *or* another, the sums add. For one
set *followed by* another, counts and probabilities multiply; -log p of a pair is the sum of
both, so Σ p · (-log p) follows a product rule. One pass over the tables, which keeps the totals
of each table (dynamic programming), sums over 10^30 stories.

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
>>> total = sum_over_stories(tables)  # three stories of probability 1/2, 1/4, 1/4
>>> total.count, total.probability, round(total.entropy / math.log(2), 6)
(3, 1.0, 1.5)
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .derivation import fill, find_table
from .grammar import Choose, Table


class Total(NamedTuple):
    """Sums over a set of stories: Σ 1, Σ p and Σ p · (-log p), the last in nats."""

    count: int
    probability: float
    entropy: float

    def plus(self, other: Total) -> Total:
        return Total(*(a + b for a, b in zip(self, other, strict=True)))

    def then(self, other: Total) -> Total:
        (n, p, s), (m, q, t) = self, other
        return Total(n * m, p * q, s * q + p * t)


def sum_over_stories(tables: dict[str, Table], start: str = "story") -> Total:
    """The exact Total of all derivations from the table `start`."""
    totals = _Sums(tables).through(Choose(start, None), frozenset())
    return Total(*(sum(column) for column in zip(*totals.values(), strict=True)))


class _Sums:
    """Totals of the derivations of each table, grouped by the state after them.

    The state holds the facts that name a table, the `k` of `[x/{k}]`: only they decide what may
    follow. Their values must be plain words.
    """

    def __init__(self, tables):
        self.tables, self.done = tables, {}
        self.keys = {place.key for place in places(tables)}

    def through(self, place, state):
        """{state after: Total} of the derivations of the table that `place` names."""
        if (place, state) not in self.done:
            table = find_table(self.tables, place, dict(state))
            self.done[place, state] = self.of_table(table, state)
        return self.done[place, state]

    def of_table(self, table, state):
        ends = {}
        for option in table.options:
            p = option.probability
            paths = {state: Total(1, p, -p * math.log(p))}
            for piece in option.pieces:
                if isinstance(piece, Choose):
                    paths = self.extend(paths, piece)
            for end, total in paths.items():
                _add(ends, self.state_after(end, table, option), total)
        return ends

    def extend(self, paths, place):
        longer = {}
        for state, total in paths.items():
            for end, more in self.through(place, state).items():
                _add(longer, end, total.then(more))
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


def _add(sums, key, total):
    sums[key] = sums[key].plus(total) if key in sums else total
