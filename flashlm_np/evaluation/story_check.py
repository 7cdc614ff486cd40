"""Find the contradictions of a generated story: the choices that later words do not keep.

A story names its hero once, and must use that name from then on. A model may write another one.
`stories.parse` stops there. `check` goes on, and counts a contradiction (story_states.py).

A text may then have several derivations. The search goes on with the derivation that has the
fewest contradictions so far, and among these with the one that has read most. So the first one
that reaches the end of the text has the fewest (uniform-cost search).

>>> checked = check("Once upon a time, a shy fox named Rusty lived in a snug burrow near a")
>>> print(*checked.contradictions)
kin was 'fox', became 'rabbit' at character 46
>>> checked.ending, checked.places
('cut', ('who', 'kin'))
"""

import heapq
from itertools import count
from os.path import commonprefix
from typing import NamedTuple

from .story_states import FIRST, Contradiction, next_states

MOST_STATES = 50_000  # that are looked at for one text


class Checked(NamedTuple):
    """The result for one text.

    contradictions: in the part that was parsed, in order.
    places: the fact of each place there where words had to agree with an earlier choice.
    parsed: the number of characters that the grammar and the contradictions explain.
    ending: "whole" for a story; "cut" for the beginning of one; "unknown" if other words follow
        than the grammar has, whatever it forgets.
    """

    contradictions: tuple[Contradiction, ...]
    places: tuple[str, ...]
    parsed: int
    ending: str


def check(text: str) -> Checked:
    """The contradictions in `text`: a story, the beginning of one, or something else."""
    order = count()  # among equals the first one that was found goes on
    heap, furthest = [(0, 0, next(order), FIRST)], (0, FIRST)
    for _ in range(MOST_STATES):
        if not heap:
            break
        state = heapq.heappop(heap)[-1]
        if ending := _ending(state, text):
            return Checked(state.found, state.places, len(text), ending)
        if (read := _read(state, text)) > furthest[0]:
            furthest = read, state
        for new in next_states(state, text):
            contradictions = len(new.found) + new.others
            heapq.heappush(heap, (contradictions, -new.position, next(order), new))
    read, state = furthest
    return Checked(state.found, state.places, read, "unknown")


def _ending(state, text):
    """Whether a state has reached the end of the text: "whole", "cut" or ""."""
    rest = text[state.position :]
    if state.todo is None:
        return "" if rest else "whole"
    piece, _ = state.todo
    within = isinstance(piece, str) and len(rest) < len(piece) and piece.startswith(rest)
    return "cut" if within else ""


def _read(state, text):
    """The characters of the text that a state explains, up to its first unknown word."""
    words = [state.todo[0] if state.todo else "", text[state.position :]]
    if not isinstance(words[0], str):
        return state.position
    read = state.position + len(commonprefix(words))  # noqa: RUF071
    if text[read - 1 : read + 1].isalpha():  # within a word: only its first letters fit
        read = max(state.position, 1 + text.rfind(" ", 0, read))
    return read
