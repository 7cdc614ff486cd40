"""The grammar of the stories: weighted choices that depend on earlier ones.

A model that predicts well has a low loss. The lowest possible loss of a book is unknown. A
story of this package is derived by choices with known weights, so

    the best possible loss  =  -Σ log p(story) / number of tokens      (nats per token)

is a number, and the loss of a model minus this number is the part that it can still learn.

The notation. A **table** is a name, and below it one option on each line: a weight and a
template. (In a probabilistic grammar: a nonterminal symbol and its productions. The facts make
this grammar context-sensitive.)

    [pet]      choose an option of table `pet` here; its words become the fact `pet`
    {pet}      repeat the fact; {Pet} repeats it with a capital letter
    [x/{pet}]  choose from table `x/cat` if the fact `pet` is "cat", so that both agree
    | k: v     after its words, an option may state more facts
    #          at the start of a line: a comment
    ¶          a new paragraph; a line that does not begin with a weight continues the last

>>> tables = read_tables('''
... story
...     1 A [pet] came by. "[cry/{pet}]!" said the {pet}. {He} was hungry.
... pet
...     3 cat | he: she
...     1 dog | he: he
... cry/cat
...     1 Meow
... cry/dog
...     1 Woof
...     1 Wow
... ''')
>>> [option.probability for option in tables["pet"].options]
[0.75, 0.25]

The grammar is unambiguous: each text has at most one derivation, so its probability is a single
product, and parsing needs no search. `expect_unambiguous` refuses a table in which two options
do not differ in a plain character before their first `[`.
"""

import re
from itertools import accumulate, combinations, takewhile
from typing import NamedTuple


class Recall(NamedTuple):
    """The place in a template where a fact is repeated."""

    fact: str
    capital: bool


class Choose(NamedTuple):
    """The place in a template where an option of `table`, or `table/<key>`, is chosen."""

    table: str
    key: str | None


class Option(NamedTuple):
    """One option of a table: its words as pieces (str, Recall or Choose), and its facts."""

    template: str
    pieces: tuple
    head: tuple  # the pieces before the first Choose
    facts: tuple  # pairs (name, pieces)
    probability: float


class Table(NamedTuple):
    """A choice: `cumulative[i]` is the probability of the options 0 to i together."""

    name: str
    options: tuple[Option, ...]
    cumulative: tuple[float, ...]


def read_tables(*sources: str) -> dict[str, Table]:
    """Parse texts in the notation above; `name +` adds options to a table."""
    rows, name = {}, None  # of each table, its weights and the words of its templates
    for line in "\n".join(sources).splitlines():
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if not line[0].isspace():
            name, more, _ = line.strip().partition(" +")
            if name in rows and not more:
                raise ValueError(f"table {name} is there already; '{name} +' adds to it")
            rows.setdefault(name, [])
        elif words[0].isdigit():
            rows[name].append((int(words[0]), words[1:]))
        else:
            rows[name][-1][1].extend(words)
    return {name: _table(name, options) for name, options in rows.items()}


def _table(name, rows):
    total = sum(weight for weight, _ in rows)
    options = tuple(_option(" ".join(words), weight / total) for weight, words in rows)
    expect_unambiguous(name, options)
    probabilities = [option.probability for option in options]
    cumulative = (*accumulate(probabilities[:-1]), 1.0)  # exactly 1, in spite of rounding
    return Table(name.partition("/")[0], options, cumulative)


def _option(template, probability):
    """An option from `words | fact: value; fact: value`."""
    words, _, stated = template.partition("|")
    pieces = split_template(words.strip().replace(" ¶ ", "\n\n"))
    head = tuple(takewhile(lambda piece: not isinstance(piece, Choose), pieces))
    pairs = [pair.split(":", 1) for pair in stated.split(";") if pair]
    facts = tuple((fact.strip(), split_template(value.strip())) for fact, value in pairs)
    return Option(template, pieces, head, facts, probability)


def split_template(template: str) -> tuple:
    """The pieces of a template.

    >>> split_template("[cry/{pet}], said {he}.")
    (Choose(table='cry', key='pet'), ', said ', Recall(fact='he', capital=False), '.')
    """
    parts = re.split(r"(\[[^\]]*\]|\{[^}]*\})", template)
    return tuple(_piece(part) for part in parts if part)


def _piece(part):
    if part.startswith("["):
        table, _, key = part[1:-1].partition("/")
        return Choose(table, key.strip("{}") or None)
    if part.startswith("{"):
        return Recall(part[1].lower() + part[2:-1], part[1].isupper())
    return part


def expect_unambiguous(name: str, options: tuple[Option, ...]) -> None:
    """Raise ValueError unless the head of each option differs from every other."""
    for a, b in combinations(options, 2):
        if not differ(a.head, b.head):
            raise ValueError(
                f"table {name}: {a.template!r} and {b.template!r} do not differ in a plain "
                "character before their first choice; begin them with different words"
            )


def differ(a: tuple, b: tuple) -> bool:
    """Whether two heads differ in a plain character, after the same facts and characters.

    >>> differ(("cat",), ("car",)), differ(("cat",), ("catfish",))
    (True, False)
    """
    for x, y in zip(a, b, strict=False):
        if x != y:
            plain = isinstance(x, str) and isinstance(y, str)
            return plain and not (x.startswith(y) or y.startswith(x))
    return False
