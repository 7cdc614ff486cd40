"""The embedded corpus: little stories whose exact probability is known.

    generate(rng)   one story
    parse(text)     the choices that made it, the only ones that could have
    score(text)     its natural-log probability, in nats
    count()         how many different stories there are
    entropy()       the mean of -score over all stories, nats per story: no model can do better
    vocabulary()    every word that may occur

>>> import numpy as np
>>> story = generate(np.random.default_rng(0))
>>> score(story) == math.fsum(math.log(choice.probability) for choice in parse(story))
True

How it works is explained in grammar.py (the notation), walk.py (telling and reading) and
sums.py (adding up); what the stories say is data, in the folder tables.
"""

import math
import re
from functools import cache
from importlib.resources import files
from itertools import chain

import numpy as np

from flashlm_np.data.stories.grammar import Recall, read_tables
from flashlm_np.data.stories.sums import add_up
from flashlm_np.data.stories.walk import Choice, Reader, Teller, walk

# The order fixes which option a seed draws.
SOURCES = ("words", "lost", "wish", "promise", "gift", "seed", "share", "rescue", "noise")
FOLDER = files("flashlm_np.data.stories") / "tables"
TABLES = read_tables(*((FOLDER / f"{name}.txt").read_text("utf-8") for name in SOURCES))


def generate(rng: np.random.Generator) -> str:
    """One story, drawn with the `np.random.Generator` rng; no newline at the end."""
    return walk(TABLES, Teller(rng))[0]


def parse(text: str) -> tuple[Choice, ...]:
    """The choices that made text, in order, as a tuple of `walk.Choice`.

    Raises: ValueError that says at which character text stops being a story.
    """
    reader = Reader(text)
    _, choices = walk(TABLES, reader)
    reader.end()
    return tuple(choices)


def score(text: str) -> float:
    """The log-probability of text, in nats: a negative number. Raises as `parse` does."""
    return math.fsum(math.log(choice.probability) for choice in parse(text))


@cache
def totals():
    """The sums over all stories, computed once."""
    return add_up(TABLES)


def count() -> int:
    """The number of different stories, an exact integer."""
    return totals().count


def entropy() -> float:
    """The expected -score of a story, in nats per story."""
    return totals().surprise


@cache
def vocabulary() -> set[str]:
    """The distinct words, in lower case, that stories are made of; 's counts as a word."""
    options = [option for table in TABLES.values() for option in table.options]
    stated = [pair for option in options for pair in option.facts]
    said = [option.pieces for option in options]
    every = said + [pieces for _, pieces in stated]
    recalled = {piece.fact for piece in chain(*every) if isinstance(piece, Recall)}
    said += [pieces for fact, pieces in stated if fact in recalled]
    return set().union(*(words(piece) for piece in chain(*said) if isinstance(piece, str)))


def words(text):
    """The set of words of a text.

    >>> sorted(words("Lily's kite, the RED one!"))
    ["'s", 'kite', 'lily', 'one', 'red', 'the']
    """
    return set(re.findall(r"'?[a-z]+", text.lower()))
