"""The values that a fact may have in a story, and the tables that a fact may name.

A value is a tuple of pieces, as in data/stories/grammar.py: words, and other facts in it.

>>> values("him")
[('her',), ('him',)]
>>> [key for key, table in siblings("try")]
['high', 'deep', 'thorns', 'heavy', 'water']
>>> words_of(("the bees chased ", Recall("him", False)), {"him": ("her",)})
'the bees chased her'
"""

from collections import defaultdict
from functools import cache

from ..data.stories.grammar import Choose, Recall, Table
from ..data.stories.stories import tables


def values(fact: str) -> list[tuple]:
    """The values of a fact: those that options state, and the options of its own table."""
    return list(_values()[fact])


@cache
def _values():
    found = defaultdict(dict)  # a dict keeps the order, and each value once
    for table in tables().values():
        for option in table.options:
            own = tuple(piece for piece in option.pieces if not _is_silent(piece))
            named = {table.name: own} if own and Choose not in map(type, own) else {}
            for fact, pieces in (named | dict(option.facts)).items():
                found[fact][pieces] = None
    return found


def _is_silent(piece):
    """Whether a piece chooses facts only, as [she] does, and no words."""
    if not isinstance(piece, Choose) or piece.key:
        return False
    return not any(option.pieces for option in tables()[piece.table].options)


@cache
def siblings(name: str) -> list[tuple[str, Table]]:
    """The keys and the tables of all `name/key`."""
    parts = ((full.partition("/"), table) for full, table in tables().items())
    return [(key, table) for (first, _, key), table in parts if first == name and key]


def words_of(pieces: tuple, facts: dict[str, tuple]) -> str:
    """The text of pieces; "..." for a fact that is not known yet."""
    unknown = ("...",)
    return "".join(
        words_of(facts.get(piece.fact, unknown), facts) if isinstance(piece, Recall) else piece
        for piece in pieces
    )


def cased(pieces: tuple, recall: Recall) -> tuple:
    """The pieces, with a capital letter if the Recall has one."""
    first, *others = pieces
    return (first[:1].upper() + first[1:], *others) if recall.capital else pieces
