"""Stories as weighted choices: the notation, and the check that makes every text unique.

Why a corpus whose probability is known? A model that predicts well gets a low loss, but how low
can it go? For books nobody knows. Here each story is made by choices with known weights, so

    the best possible loss  =  -Σ log p(story) / number of tokens      (nats per token)

is a number, and a model's own loss minus that number is exactly what it has still to learn.

The notation. A **table** is a name, and below it one option a line: a weight and a template.

    [pet]      choose here, by weight, from table `pet`; the words chosen become the fact `pet`
    {pet}      recall the fact; {Pet} recalls it with a capital letter
    [x/{pet}]  choose from table `x/cat` if the fact `pet` is "cat": this makes things agree
    | k: v     after its words, an option may state further facts
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

Why unique? If two sequences of choices made the same text, its probability would be the sum
over both, and to find it would take a search. So `expect_unique` refuses a table in which two
options do not differ in some plain character before the first `[`: the words tell the choice.
"""

import re
from itertools import accumulate, combinations
from typing import NamedTuple


class Recall(NamedTuple):
    """A place in a template where a known fact is said again."""

    fact: str
    capital: bool


class Choose(NamedTuple):
    """A place in a template where an option of table `slot`, or `slot/<key>`, is chosen."""

    slot: str
    key: str | None


class Option(NamedTuple):
    """One way to go on: its words as pieces (str, Recall or Choose) and the facts it states."""

    template: str
    pieces: tuple
    head: tuple  # the pieces before the first Choose: what can be said without choosing
    facts: tuple  # pairs (name, pieces)
    probability: float


class Table(NamedTuple):
    """A choice point: `cumulative[i]` is the probability of the options 0 to i together."""

    slot: str
    options: tuple
    cumulative: tuple


def probabilities(weights):
    """The weights divided by their sum.

    >>> probabilities([6, 3, 1])
    [0.6, 0.3, 0.1]
    """
    total = sum(weights)
    return [weight / total for weight in weights]


def read_tables(*sources):
    """Compile texts in the notation above to {name: Table}; `name +` adds to a table."""
    rows = {}
    for line in "\n".join(sources).splitlines():
        if line.startswith("#"):
            continue
        if line.strip() and not line[0].isspace():
            name, more, _ = line.strip().partition(" +")
            if name in rows and not more:
                raise ValueError(f"table {name} is there already; '{name} +' adds to it")
            rows.setdefault(name, [])
        elif line.strip():
            add_row(rows[name], line)
    return {name: make_table(name, options) for name, options in rows.items()}


def add_row(rows, line):
    """Append (weight, template) to rows, or continue the last template."""
    first, *words = line.split()
    if first.isdigit():
        rows.append((int(first), " ".join(words)))
    else:
        weight, template = rows.pop()
        rows.append((weight, " ".join([template, first, *words])))


def make_table(name, rows):
    """The table `name` from rows of (weight, template)."""
    weights, templates = zip(*rows, strict=True)
    shares = probabilities(weights)
    options = tuple(make_option(*row) for row in zip(templates, shares, strict=True))
    expect_unique(name, options)
    cumulative = (*accumulate(shares[:-1]), 1.0)  # exactly 1, whatever was rounded
    return Table(name.partition("/")[0], options, cumulative)


def make_option(template, probability):
    """An option from `words | fact: value; fact: value`."""
    words, _, stated = template.partition("|")
    pieces = make_pieces(words.strip().replace(" ¶ ", "\n\n"))
    chooses = [i for i, piece in enumerate(pieces) if isinstance(piece, Choose)]
    head = pieces[: chooses[0]] if chooses else pieces
    pairs = [pair.split(":", 1) for pair in stated.split(";") if pair]
    facts = tuple((fact.strip(), make_pieces(value.strip())) for fact, value in pairs)
    return Option(template, pieces, head, facts, probability)


def make_pieces(template):
    """The pieces of a template.

    >>> make_pieces("[cry/{pet}], said {he}.")
    (Choose(slot='cry', key='pet'), ', said ', Recall(fact='he', capital=False), '.')
    """
    parts = re.split(r"(\[[^\]]*\]|\{[^}]*\})", template)
    return tuple(make_piece(part) for part in parts if part)


def make_piece(part):
    """One piece: `[slot]`, `[slot/{key}]`, `{fact}`, `{Fact}` or plain words."""
    if part.startswith("["):
        slot, _, key = part[1:-1].partition("/")
        return Choose(slot, key.strip("{}") or None)
    if part.startswith("{"):
        return Recall(part[1].lower() + part[2:-1], part[1].isupper())
    return part


def expect_unique(name, options):
    """Raise ValueError unless the head of each option tells it from every other."""
    for a, b in combinations(options, 2):
        if not differ(a.head, b.head):
            raise ValueError(
                f"table {name}: {a.template!r} and {b.template!r} do not differ in a plain "
                "character before their first choice; begin them with different words"
            )


def differ(a, b):
    """Whether two heads part at a plain character, after the same facts and characters.

    >>> differ(("cat",), ("car",)), differ(("cat",), ("catfish",))
    (True, False)
    """
    for x, y in zip(a, b, strict=False):
        if x != y:
            plain = isinstance(x, str) and isinstance(y, str)
            return plain and not (x.startswith(y) or y.startswith(x))
    return False
