"""The embedded corpus: short stories whose exact probability is known.

>>> import numpy as np
>>> story = generate(np.random.default_rng(0))
>>> score(story) == math.fsum(math.log(choice.probability) for choice in parse(story))
True

grammar.py explains the notation, derivation.py samples and parses, sums.py counts. The words
are in the text files of the folder tables.
"""

import math
from functools import cache
from importlib.resources import files

import numpy as np

from .derivation import Choice, Parser, Sampler, derive
from .grammar import Table, read_tables
from .sums import Total, sum_over_stories

# The order of the files is the order of the options in a table: it decides what a seed samples.
SOURCES = ("words", "lost", "wish", "promise", "gift", "seed", "share", "rescue", "noise")
FOLDER = files(__package__) / "tables"


@cache
def tables() -> dict[str, Table]:
    """The tables of all stories, read at the first use: most commands need no story."""
    return read_tables(*((FOLDER / f"{name}.txt").read_text("utf-8") for name in SOURCES))


def generate(rng: np.random.Generator) -> str:
    """Sample one story; it has no newline at the end."""
    return derive(tables(), Sampler(rng))[0]


def parse(text: str) -> tuple[Choice, ...]:
    """The choices of the derivation of `text`, in order.

    Raises: ValueError that names the first character where the text differs from all stories.
    """
    parser = Parser(text)
    _, choices = derive(tables(), parser)
    parser.end()
    return tuple(choices)


def score(text: str) -> float:
    """The log-probability of `text` in nats, a negative number. Raises as `parse` does."""
    return math.fsum(math.log(choice.probability) for choice in parse(text))


@cache
def totals() -> Total:
    """The exact number of all stories, and their entropy: no model has a lower mean loss."""
    return sum_over_stories(tables())
