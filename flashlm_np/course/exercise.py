"""An exercise: functions of one page of the package that a student writes."""

from __future__ import annotations

import importlib
import operator
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Exercise:
    """Functions of one page of the package that a student writes.

    page: the module that defines them; a function with a dot is a method.
    given: names that the student's file has beside them, from the page or, with dots, from
        anywhere: functions are imported, constants repeated.
    note: what the page does not say.
    """

    number: int
    name: str
    page: str
    written: tuple[str, ...]
    about: str
    given: tuple[str, ...] = ()
    note: str = ""

    @property
    def functions(self) -> tuple[str, ...]:
        """The names as the student's file has them: a method is a function there."""
        return tuple(name.rpartition(".")[2] for name in self.written)

    @property
    def label(self) -> str:
        return f"{self.number:02} {self.name}"

    @property
    def file_name(self) -> str:
        return f"{self.number:02}_{self.name}.py"

    def reference(self) -> dict[str, Callable]:
        """The package's own functions, by the names of the student's."""
        page = importlib.import_module(self.page)
        paths = zip(self.functions, self.written, strict=True)
        return {name: operator.attrgetter(path)(page) for name, path in paths}
