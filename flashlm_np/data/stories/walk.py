"""A walk through the tables: tell a story, or read one back.

Telling and reading are the same walk. They differ only in who picks the option: a teller draws
it by weight, a reader finds it in the text. No two options of a table begin alike (grammar.py),
so the reader never goes back, and what it finds is the only way the text can be made.

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
>>> text, choices = walk(tables, Reader('A dog came by. It said "Wow".'))
>>> [(choice.slot, choice.probability) for choice in choices]
[('story', 1.0), ('pet', 0.25), ('cry', 0.5)]
>>> walk(tables, Reader('A dog came by. It said "Meow".'))
Traceback (most recent call last):
ValueError: not a story: at character 24, found 'Meow".', expected 'Woof' or 'Wow'
"""

from bisect import bisect_right
from typing import NamedTuple

from flashlm_np.data.stories.grammar import Choose, Recall


class Choice(NamedTuple):
    """A choice that was made: where, the number of the option, and its probability."""

    slot: str
    option: int
    probability: float


class Teller:
    """Picks options by weight: one `rng.random()` a choice, so a seed fixes the story."""

    def __init__(self, rng):
        self.random = rng.random

    def pick(self, table, facts):
        return bisect_right(table.cumulative, self.random())

    def say(self, words, piece):
        pass


class Reader:
    """Picks the option that the text shows, and checks every word in between."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def pick(self, table, facts):
        for index, option in enumerate(table.options):
            first = option.head[0] if option.head else ""
            if isinstance(first, str) and not self.text.startswith(first, self.at):
                continue  # most options end here, before any fact is looked up
            if self.text.startswith(recall(option.head, facts), self.at):
                return index
        self.fail([recall(option.head, facts) for option in table.options])

    def say(self, words, piece):
        if not self.text.startswith(words, self.at):
            self.fail([words])
        self.at += len(words)

    def end(self):
        """Raise ValueError if the text goes on after the story."""
        if self.at < len(self.text):
            self.fail([""])

    def fail(self, expected):
        """Raise ValueError at the first word that no expected words agree with."""
        rest = self.text[self.at :]
        far = max(agreement(words, rest) for words in expected)
        far = rest.rfind(" ", 0, far) + 1
        tails = [words[far:] for words in expected if agreement(words, rest) >= far]
        found = repr(rest[far : far + 20]) if rest[far:] else "the end of the text"
        wanted = " or ".join(repr(tail[:40]) if tail else "the end" for tail in tails[:4])
        more = f" or {len(tails) - 4} others" if len(tails) > 4 else ""
        raise ValueError(
            f"not a story: at character {self.at + far}, found {found}, expected {wanted}{more}"
        )


def agreement(a, b):
    """How many characters two strings have in common at the front.

    >>> agreement("cat", "car")
    2
    """
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))


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
        voice.say(words, piece)
        return words

    return choose(tables[start]), choices


def find(tables, place, facts):
    """The table that a Choose names, given the facts."""
    return tables[f"{place.slot}/{facts[place.key]}" if place.key else place.slot]


def recall(pieces, facts):
    """The words of pieces without choices, given the facts."""
    return "".join([say_fact(p, facts) if isinstance(p, Recall) else p for p in pieces])


def say_fact(piece, facts):
    words = facts[piece.fact]
    return words[:1].upper() + words[1:] if piece.capital else words
