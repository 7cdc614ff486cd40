"""The derivations of a text that is nearly a story: states, and the states after each.

A state has read a part of the text. It still has to read some pieces (data/stories/grammar.py).
A piece is read in its own way, or in another one that contradicts an earlier choice:

    words          only as they are
    {hero}         a fact is repeated: its words, or any other value that this fact has
    [x/{toy}]      a fact decides the table: its options, or those of a table x/... of another
                   toy, whatever it was
    [x]            an option of the table x

A fact keeps the value that the story gave it first.
"""

from typing import NamedTuple

from ..data.stories.derivation import find_table
from ..data.stories.grammar import Choose, Option, Recall, Table
from ..data.stories.stories import tables
from .story_values import cased, siblings, values, words_of


class Contradiction(NamedTuple):
    """A fact, its first value, and the value that the words at a character belong to."""

    fact: str
    before: str
    after: str
    character: int

    def __str__(self):
        change = f"{self.fact} was {self.before!r}, became {self.after!r}"
        return f"{change} at character {self.character}"


class Stated(NamedTuple):
    """The mark behind the pieces of an option from `start` on: now its facts are known."""

    table: Table
    option: Option
    start: int


class State(NamedTuple):
    """A part of a derivation.

    todo: a linked list, (piece, the pieces after it) or None, that states share.
    facts: the pieces of each fact. places: the facts that words had to agree with.
    others: whether the next piece is read only in ways that contradict.
    """

    position: int
    todo: tuple | None
    facts: dict
    found: tuple[Contradiction, ...] = ()
    places: tuple[str, ...] = ()
    others: bool = False


FIRST = State(0, (Choose("story", None), None), {})


def next_states(state: State, text: str):
    """Yield the states after the next piece of `state`, or those that read it otherwise."""
    if state.todo is None:
        return
    piece, after = state.todo
    if isinstance(piece, str):
        if text.startswith(piece, state.position):
            yield state._replace(position=state.position + len(piece), todo=after)
    elif isinstance(piece, Stated):
        own = {piece.table.name: (text[piece.start : state.position],)}
        facts = state.facts | own | dict(piece.option.facts)
        yield state._replace(todo=after, facts=facts)
    else:
        yield from _chosen(state, piece, after, text)


def _chosen(state, piece, after, text):
    """The states after a Recall or a Choose, which may have to agree with a fact."""
    fact = piece.fact if isinstance(piece, Recall) else piece.key
    places, found = (*state.places, *([] if fact is None else [fact])), state.found
    ways = _other_ways if state.others else _own_ways
    for value, pieces in ways(state, piece):
        if _fits(pieces[0], text, state.position):
            if state.others:
                new = Contradiction(fact, _value(state, fact), value, state.position)
                found = (*state.found, new)
            yield State(state.position, _before(pieces, after), state.facts, found, places)
    if fact is not None and not state.others:
        yield state._replace(others=True)


def _fits(piece, text, position):
    """Whether a piece may stand there: its first letter does, or it has none, or no text."""
    is_word = isinstance(piece, str) and position < len(text)
    return not is_word or text.startswith(piece[0], position)


def _own_ways(state, piece):
    """Yield the present value and the pieces of a Recall, or those of each option."""
    if not isinstance(piece, Recall):
        yield from _options(state, None, _table(state, piece))
    elif piece.fact in state.facts:
        yield None, cased(state.facts[piece.fact], piece)
    else:  # after a contradiction, as of a lake where there is none: any value is the first
        for pieces in values(piece.fact):
            yield None, cased(pieces, piece)


def _other_ways(state, piece):
    """Yield the values that contradict a fact, and the pieces that these would have here."""
    if not isinstance(piece, Recall):
        own = _table(state, piece)
        for key, table in siblings(piece.table):
            if table is not own:
                yield from _options(state, key, table)
    elif piece.fact in state.facts:
        own = _value(state, piece.fact)
        for pieces in values(piece.fact):
            if (value := words_of(pieces, state.facts)) != own:
                yield value, cased(pieces, piece)


def _options(state, key, table):
    for option in table.options:
        yield key, (*option.pieces, Stated(table, option, state.position))


def _table(state, place):
    return find_table(tables(), place, place.key and {place.key: _value(state, place.key)})


def _value(state, fact):
    return words_of(state.facts[fact], state.facts)


def _before(pieces, after):
    for piece in reversed(pieces):
        after = (piece, after)
    return after
