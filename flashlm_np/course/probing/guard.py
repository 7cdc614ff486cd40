"""Arrays that a function must leave as they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from .inputs import Case, arrays_in, mapped


class Guard:
    """Gives a function arrays of its own, and locks those that it must not write to.

    only: lock what has this name, and nothing else: who writes there is then found out.
    during: said of an exception that comes now.
    """

    def __init__(self, only: str | None = None):
        self.only, self.during = only, ""
        self._watched: list[tuple[str, np.ndarray]] = []

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self._watched))

    def inputs(self, case: Case, changes: tuple[str, ...]) -> Case:
        """The case in new arrays, of which only `changes` may be written to."""
        fresh = {name: mapped(value, np.array) for name, value in case.items()}
        for name, value in fresh.items():
            if name not in changes:
                self.watch(name, value)
        return fresh

    def watch(self, name: str, value: Any) -> None:
        """Lock the arrays in `value`; an input that was saved keeps the name of the input."""
        for array in arrays_in(value):
            if any(array is other for _, other in self._watched):
                continue
            self._watched.append((name, array))
            if self.only in (None, name):
                array.flags.writeable = False
