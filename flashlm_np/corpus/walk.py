"""Walks through the tables: tell a story, read one back, and add up all there are.

Telling and reading are the same walk. They differ only in who picks the option: a teller draws it
by weight, a reader finds it in the text. No two options of a table begin alike (see grammar.py),
so the reader never has to go back, and what it finds is the only way the text can be made.

>>> from flashlm_np.corpus.grammar import read_tables
>>> tables = read_tables('''
... story
...     1 A [pet] came by. It said "[cry/{pet}]".
... pet
...     3 cat
...     1 dog
... cry/cat
...     1 Meow
... cry/dog
...     2 Woof
...     1 Wow
... ''')
>>> walk(tables, Reader('A dog came by. It said "Wow".'))[1][1:]
[Choice(slot='pet', option=1, probability=0.25), Choice(slot='cry', option=1, probability=0.33...)]
>>> walk(tables, Reader('A dog came by. It said "Meow".'))
Traceback (most recent call last):
ValueError: not a story: at character 24, found 'Meow".', expected 'Woof' or 'Wow'
>>> add_up(tables).count
3
"""

import math
from bisect import bisect_right
from functools import cache
from os.path import commonprefix
from typing import NamedTuple

from flashlm_np.corpus.grammar import Choose, Recall


class Choice(NamedTuple):
    """A choice that was made: where, the number of the option, and its probability."""

    slot: str
    option: int
    probability: float


class Teller:
    """Picks each option by its weight: one `rng.random()` a choice, so a seed fixes the story."""

    def __init__(self, rng):
        self.random = rng.random

    def pick(self, table, facts):
        return bisect_right(table.cumulative, self.random())

    def say(self, words):
        pass


class Reader:
    """Picks each option by what the text says next, and checks every word in between."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def pick(self, table, facts):
        for index, option in enumerate(table.options):
            first = option.head[0] if option.head else ""
            if isinstance(first, str) and not self.text.startswith(first, self.at):
                continue
            if self.text.startswith(recall(option.head, facts), self.at):
                return index
        self.fail([recall(option.head, facts) for option in table.options])

    def say(self, words):
        if not self.text.startswith(words, self.at):
            self.fail([words])
        self.at += len(words)

    def fail(self, expected):
        """Raise ValueError at the first character that no expected text agrees with."""
        rest = self.text[self.at :]
        reach = {words: len(commonprefix([words, rest])) for words in expected}
        far = max(reach.values())
        tails = [words[far:] for words in expected if reach[words] == far]
        found = repr(rest[far : far + 20]) if rest[far:] else "the end of the text"
        wanted = " or ".join(repr(tail[:40]) for tail in tails[:4])
        more = f" or {len(tails) - 4} others" if len(tails) > 4 else ""
        raise ValueError(
            f"not a story: at character {self.at + far}, found {found}, expected {wanted}{more}"
        )


def walk(tables, voice, start="story"):
    """The text and the choices of one walk from the table `start`, picked by `voice`."""
    facts, choices = {}, []

    def choose(table):
        index = voice.pick(table, facts)
        option = table.options[index]
        choices.append(Choice(table.slot, index, option.probability))
        facts[table.slot] = said = "".join([speak(piece) for piece in option.pieces])
        for fact, pieces in option.facts:
            facts[fact] = recall(pieces, facts)
        return said

    def speak(piece):
        if isinstance(piece, Choose):
            return choose(find(tables, piece, facts))
        words = recall((piece,), facts)
        voice.say(words)
        return words

    return choose(tables[start]), choices


def find(tables, piece, facts):
    """The table that a `[slot]` or `[slot/{key}]` names, given the facts."""
    return tables[f"{piece.slot}/{facts[piece.key]}" if piece.key else piece.slot]


def recall(pieces, facts):
    """The words of pieces without choices, given the facts."""
    return "".join([_words(piece, facts) for piece in pieces])


def _words(piece, facts):
    if isinstance(piece, Recall):
        words = facts[piece.fact]
        return words[:1].upper() + words[1:] if piece.capital else words
    return piece


class Total(NamedTuple):
    """Sums over many walks: how many, their probability, and Σ p · (-log p) in nats."""

    count: int
    probability: float
    surprise: float

    def plus(self, other):
        return Total(*(a + b for a, b in zip(self, other, strict=True)))

    def then(self, other):
        """Every walk of self followed by every walk of other: log p adds, p multiplies."""
        surprise = self.surprise * other.probability + self.probability * other.surprise
        return Total(self.count * other.count, self.probability * other.probability, surprise)


def add_up(tables, start="story"):
    """The Total over all walks from `start`, exact, without listing them.

    Only the facts that name tables (`[x/{key}]`) decide what may follow, so all walks that agree
    on those are added up together: a sum over a few hundred states, not over 10^30 stories.
    """
    keys = {
        piece.key
        for table in tables.values()
        for option in table.options
        for piece in option.pieces
        if isinstance(piece, Choose) and piece.key
    }

    @cache
    def through(name, state):
        ends = {}
        table = find(tables, name, dict(state))
        for option in table.options:
            p = option.probability
            paths = {state: Total(1, p, -p * math.log(p))}
            for piece in option.pieces:
                if isinstance(piece, Choose):
                    paths = extend(paths, piece)
            for end, total in paths.items():
                merge(ends, learn(end, table, option), total)
        return ends

    def extend(paths, piece):
        longer = {}
        for state, total in paths.items():
            for end, more in through(piece, state).items():
                merge(longer, end, total.then(more))
        return longer

    def learn(state, table, option):
        stated = [(table.slot, option.pieces), *option.facts]
        known = {fact: recall(pieces, {}) for fact, pieces in stated if fact in keys}
        return frozenset({**dict(state), **known}.items())

    totals = through(Choose(start, None), frozenset()).values()
    return Total(*(sum(column) for column in zip(*totals, strict=True)))


def merge(sums, key, total):
    """Add total to sums[key]."""
    sums[key] = sums[key].plus(total) if key in sums else total
