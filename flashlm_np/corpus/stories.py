"""The embedded corpus: little stories whose exact probability is known.

    generate(rng)   one story
    parse(text)     the choices that made it, the only ones that could have
    score(text)     its natural-log probability, in nats
    count()         how many different stories there are
    entropy()       the mean of -score over all stories: no model can do better, in nats per story
    vocabulary()    every word that may occur

>>> import numpy as np
>>> story = generate(np.random.default_rng(0))
>>> score(story) == math.fsum(math.log(choice.probability) for choice in parse(story))
True

How it works is explained in grammar.py (the notation) and walk.py (telling, reading, adding up);
what the stories say is data, in words.py and plots/.
"""

import math
import re
from functools import cache

from flashlm_np.corpus.grammar import read_tables
from flashlm_np.corpus.plots import PLOTS
from flashlm_np.corpus.walk import Choice, Reader, Teller, add_up, walk
from flashlm_np.corpus.words import WORDS

TABLES = read_tables(WORDS, *PLOTS)


def generate(rng):
    """One story, drawn with the `np.random.Generator` rng: paragraphs, no newline at the end."""
    return walk(TABLES, Teller(rng))[0]


def parse(text):
    """The choices that made text, in order, as a tuple of Choice.

    Raises: ValueError that says at which character text stops being a story.
    """
    reader = Reader(text)
    told, choices = walk(TABLES, reader)
    if told != text:
        raise ValueError(
            f"not a story: at character {len(told)}, found {text[len(told) :][:20]!r}, "
            "expected the end of the text"
        )
    return tuple(choices)


def score(text):
    """The log-probability of text, in nats: a negative number. Raises as `parse` does."""
    return math.fsum(math.log(choice.probability) for choice in parse(text))


@cache
def totals():
    return add_up(TABLES)


def count():
    """The number of different stories, an exact integer."""
    return totals().count


def entropy():
    """The expected -score of a story, in nats per story."""
    return totals().surprise


@cache
def vocabulary():
    """The distinct words, in lower case, that stories are made of; 's counts as a word."""
    templates = [option.template for table in TABLES.values() for option in table.options]
    stated = [
        piece
        for table in TABLES.values()
        for option in table.options
        for _, pieces in option.facts
        for piece in pieces
        if isinstance(piece, str)
    ]
    return frozenset().union(*map(words, [*templates, *stated]))


def words(text):
    """The set of words of a text or a template.

    >>> sorted(words("{Hero}'s kite, [look] and RED!"))
    ["'s", 'and', 'kite', 'red']
    """
    plain = re.sub(r"\[[^\]]*\]|\{[^}]*\}", " ", text)
    return set(re.findall(r"'?[a-z]+", plain.lower()))
