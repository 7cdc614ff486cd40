"""The embedded corpus: short stories whose exact probability is known.

>>> import numpy as np
>>> story = generate(np.random.default_rng(0))
>>> score(story) == math.fsum(math.log(choice.probability) for choice in parse(story))
True

grammar.py explains the notation, derivation.py samples and parses, sums.py counts. The words
are in the text files of the folder tables.
"""

import math
import re
from functools import cache
from importlib.resources import files
from itertools import chain

import numpy as np

from .derivation import Choice, Parser, Sampler, derive
from .grammar import Recall, read_tables
from .sums import Total, sum_over_stories

# The order of the files is the order of the options in a table: it decides what a seed samples.
SOURCES = ("words", "lost", "wish", "promise", "gift", "seed", "share", "rescue", "noise")
FOLDER = files(__package__) / "tables"
TABLES = read_tables(*((FOLDER / f"{name}.txt").read_text("utf-8") for name in SOURCES))


def generate(rng: np.random.Generator) -> str:
    """Sample one story; it has no newline at the end."""
    return derive(TABLES, Sampler(rng))[0]


def parse(text: str) -> tuple[Choice, ...]:
    """The choices of the derivation of `text`, in order.

    Raises: ValueError that names the first character where the text differs from all stories.
    """
    parser = Parser(text)
    _, choices = derive(TABLES, parser)
    parser.end()
    return tuple(choices)


def score(text: str) -> float:
    """The log-probability of `text` in nats, a negative number. Raises as `parse` does."""
    return math.fsum(math.log(choice.probability) for choice in parse(text))


@cache
def totals() -> Total:
    """The exact number of all stories, and their entropy: no model has a lower mean loss."""
    return sum_over_stories(TABLES)


def vocabulary() -> set[str]:
    """The distinct words of all stories, in lower case; 's counts as a word."""
    options = [option for table in TABLES.values() for option in table.options]
    stated = [pair for option in options for pair in option.facts]
    written = [option.pieces for option in options]
    every = written + [pieces for _, pieces in stated]
    recalled = {piece.fact for piece in chain(*every) if isinstance(piece, Recall)}
    written += [pieces for fact, pieces in stated if fact in recalled]
    return set().union(*(words(piece) for piece in chain(*written) if isinstance(piece, str)))


def words(text: str) -> set[str]:
    """The words of a text.

    >>> sorted(words("Lily's kite, the RED one!"))
    ["'s", 'kite', 'lily', 'one', 'red', 'the']
    """
    return set(re.findall(r"'?[a-z]+", text.lower()))
