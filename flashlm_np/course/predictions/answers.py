"""Answers: from the value in a cell to the text in the file, and to the text on the page."""

import numbers
from reprlib import repr as short
from typing import Any

import numpy as np

from ...errors import UserError
from .kept import CHOICE, Kept, is_finite


def as_kept(value: Any, choices: tuple, question: str) -> str:
    """A number, or one of the choices, as the file holds it.

    Raises: UserError if it is neither.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if choices:
        found = {_key(choice): str(choice) for choice in choices}
        if (is_number or isinstance(value, str)) and _key(value) in found:
            return found[_key(value)]
        names = ", ".join(map(repr, choices))
        raise UserError(f"{question!r}: {short(value)} is none of the choices {names}")
    if not is_number:
        kind = "text" if isinstance(value, str) else f"value of type {type(value).__name__}"
        raise UserError(
            f"{question!r} asks for one number, such as 12 or 0.25; {short(value)} is a {kind}"
        )
    if not is_finite(value):
        raise UserError(f"{question!r} asks for a finite number of at most 308 digits")
    return str(int(value)) if isinstance(value, numbers.Integral) else repr(float(value))


def _key(choice):
    """Equal for equal numbers, and for texts that differ in capitals and blanks only."""
    try:
        return f"{float(choice):g}"
    except ValueError:
        return " ".join(choice.casefold().split())


def verdict(kept: Kept) -> str:
    """A sentence that compares a prediction with its truth."""
    given, truth = (as_shown(text, kept.kind) for text in (kept.prediction, kept.truth))
    if kept.distance == 0:
        return f"you said {given}, and that is right"
    far = "" if kept.kind == CHOICE else f" (distance {kept.distance:.2g})"
    return f"you said {given}, it is {truth}{far}"


def as_shown(text: str, kind: str) -> str:
    """A kept answer with as many digits as a reader wants."""
    if kind == CHOICE:
        return text
    number = float(text)
    return f"{number:,.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:.4g}"
