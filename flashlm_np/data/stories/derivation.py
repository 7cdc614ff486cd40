"""Derive a story from the tables: sample one, or parse a given text.

Sampling and parsing are the same derivation. Only the choice of the option differs: a Sampler
draws it by weight, a Parser finds it in the text. The grammar is unambiguous (grammar.py), so
the parser never backtracks, and the derivation that it finds is the only one.

>>> from flashlm_np.data.stories.grammar import read_tables
>>> tables = read_tables('''
... story
...     1 A [pet] came by. It said "[cry/{pet}]".
... pet
...     3 cat
...     1 dog
... cry/cat
...     1 Meow
... cry/dog
...     1 Woof
...     1 Wow
... ''')
>>> text, choices = derive(tables, Parser('A dog came by. It said "Wow".'))
>>> [(choice.table, choice.probability) for choice in choices]
[('story', 1.0), ('pet', 0.25), ('cry', 0.5)]
>>> derive(tables, Parser('A dog came by. It said "Meow".'))
Traceback (most recent call last):
ValueError: not a story: at character 24, found 'Meow".', expected 'Woof' or 'Wow'
"""

from bisect import bisect_right
from os.path import commonprefix
from typing import NamedTuple

import numpy as np

from .grammar import Choose, Recall, Table


class Choice(NamedTuple):
    """A choice of the derivation: the table, the number of the option, and its probability."""

    table: str
    option: int
    probability: float


class Sampler:
    """Chooses by weight, with one `rng.random()` for each choice: a seed fixes the story."""

    def __init__(self, rng: np.random.Generator):
        self.random = rng.random

    def choose(self, table: Table, facts: dict) -> int:
        return bisect_right(table.cumulative, self.random())

    def emit(self, words: str, piece: str | Recall) -> None:
        pass


class Parser:
    """Chooses the option that stands in the text, and checks the words in between."""

    def __init__(self, text: str):
        self.text, self.position = text, 0

    def choose(self, table: Table, facts: dict) -> int:
        for index, option in enumerate(table.options):
            if self.text.startswith(fill(option.head, facts), self.position):
                return index
        self._fail([fill(option.head, facts) for option in table.options])

    def emit(self, words: str, piece: str | Recall) -> None:
        if not self.text.startswith(words, self.position):
            self._fail([words])
        self.position += len(words)

    def end(self) -> None:
        """Raise ValueError if the text goes on after the story."""
        if self.position < len(self.text):
            self._fail([""])

    def _fail(self, expected):
        """Raise ValueError at the first word that differs from all expected words."""
        rest = self.text[self.position :]
        common = [len(commonprefix([words, rest])) for words in expected]  # noqa: RUF071
        far = rest.rfind(" ", 0, max(common)) + 1
        tails = [words[far:] for words, n in zip(expected, common, strict=True) if n >= far]
        found = repr(rest[far : far + 20]) if rest[far:] else "the end of the text"
        wanted = " or ".join(repr(tail[:40]) if tail else "the end" for tail in tails[:4])
        more = f" or {len(tails) - 4} others" if len(tails) > 4 else ""
        raise ValueError(
            f"not a story: at character {self.position + far}, found {found}, expected "
            f"{wanted}{more}"
        )


def derive(
    tables: dict[str, Table], chooser: Sampler | Parser, start: str = "story"
) -> tuple[str, list[Choice]]:
    """The text and the choices of one derivation from the table `start`."""
    facts, choices = {}, []

    def expand(table):
        index = chooser.choose(table, facts)
        option = table.options[index]
        choices.append(Choice(table.name, index, option.probability))
        text = ""
        for piece in option.pieces:
            if isinstance(piece, Choose):
                text += expand(find_table(tables, piece, facts))
            else:
                words = fill((piece,), facts)
                chooser.emit(words, piece)
                text += words
        facts[table.name] = text
        for fact, pieces in option.facts:
            facts[fact] = fill(pieces, facts)
        return text

    return expand(tables[start]), choices


def find_table(tables: dict[str, Table], place: Choose, facts: dict) -> Table:
    """The table that a Choose names, given the facts."""
    return tables[f"{place.table}/{facts[place.key]}" if place.key else place.table]


def fill(pieces: tuple, facts: dict) -> str:
    """The words of pieces without a Choose, given the facts."""
    return "".join([_fact(p, facts) if isinstance(p, Recall) else p for p in pieces])


def _fact(piece, facts):
    words = facts[piece.fact]
    return words[:1].upper() + words[1:] if piece.capital else words
