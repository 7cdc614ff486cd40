"""Find and undo the changes that an answer makes outside of its own variables.

An answer runs in the process of the grader. A replaced np.abs would make wrong results look
right, because the grader compares with it. So the attributes of the modules that the grader
uses are compared with a copy after each call, and put back.
"""

import operator
import pickle
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.testing  # so that its attributes are compared, too

from .exercise import Failure
from .looks import LOOKS

PACKAGES = {"builtins", "flashlm_np", "inspect", "itertools", "json", "math", "minigrad"}
PACKAGES |= {"collections", "dataclasses", "functools", "heapq", "numpy", "operator"}
PACKAGES |= {"warnings"}

# A changed setting is noted and put back. It does not make an answer wrong.
SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "np.seterr": (np.geterr, lambda old: np.seterr(**old)),
    "np.set_printoptions": (np.get_printoptions, lambda old: np.set_printoptions(**old)),
    "the state of np.random": (np.random.get_state, np.random.set_state),
    "the state of random": (random.getstate, random.setstate),
    "warnings.filters": (
        lambda: list(warnings.filters),
        lambda old: operator.setitem(warnings.filters, slice(None), old),
    ),
}


@dataclass
class Names:
    """A namespace: of a module, of a class, or a table. `before` is a copy of it."""

    text: str  # the name of one of its values, with a place for its key
    values: Mapping[str, Any]
    set: Callable[[str, Any], None]
    delete: Callable[[str], None]

    def __post_init__(self):
        self.before = dict(self.values)

    def undo(self) -> dict[str, Any]:
        """Put all values back; returns the new values by their full names."""
        now, before = self.values, self.before
        if len(now) == len(before) and all(map(operator.is_, now.values(), before.values())):
            return {}
        changed = [key for key, value in before.items() if now.get(key, now) is not value]
        new = [key for key in now.keys() - before.keys() if _hides_another(key, now[key])]
        found = {self.text.format(key): now.get(key) for key in (*changed, *sorted(new))}
        for key in changed:
            self.set(key, before[key])
        for key in new:
            self.delete(key)
        return found


def _hides_another(key, value):
    """Python itself adds submodules and names such as __warningregistry__."""
    return not isinstance(value, ModuleType) and not str(key).startswith("_")


def _is_of_a_library(value):
    """Whether another package defines it: torch replaces functions while it is imported."""
    name = str(getattr(value, "__module__", ""))
    if name.partition(".")[0] in PACKAGES:
        return False
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


def _namespaces() -> Iterator[Names]:
    """Those of the modules of PACKAGES; of this project also the classes and the tables."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in PACKAGES or "numpy._" in name:
            continue
        yield _attributes(name, module)
        if not name.startswith(("minigrad", "flashlm_np")):
            continue
        for key, value in list(vars(module).items()):
            if isinstance(value, type) and value.__module__ == name:
                yield _attributes(f"{name}.{key}", value)
            elif isinstance(value, dict) and key[0] != "_":
                text = f"{name}.{key}[{{!r}}]"
                yield Names(text, value, value.__setitem__, value.__delitem__)


def _attributes(name, owner):
    return Names(name + ".{}", vars(owner), partial(setattr, owner), partial(delattr, owner))


class Surroundings:
    """A copy of the namespaces and of the settings.

    notes: receives the names of the settings that were changed.
    """

    def __init__(self, notes: list[str]):
        self.notes, self._namespaces = notes, list(_namespaces())
        values = {name: read() for name, (read, _) in SETTINGS.items()}
        self._settings = {name: (value, _bytes(value)) for name, value in values.items()}

    @contextmanager
    def watched(self, where: str) -> Iterator[None]:
        """Undo the changes of the code inside.

        Raises:
            Failure: it changed an attribute, or looked at the code that called it.
        """
        LOOKS.clear()
        try:
            yield
        finally:
            if changed := self.undo():
                raise Failure(f"{where}: changes {' and '.join(changed)}", _CHANGES)
            for act, line in LOOKS[:1]:
                raise Failure(f"{where}, line {line}: {act}", _ARGUMENTS)

    def undo(self) -> list[str]:
        """Put everything back; returns the names of the attributes that the answer changed."""
        for name, (read, write) in SETTINGS.items():
            before, as_bytes = self._settings[name]
            if _bytes(read()) != as_bytes:
                write(before)
                self.notes += [name] if name not in self.notes else []
        changed = {}
        for names in self._namespaces:
            changed |= names.undo()
        own = [name for name, value in changed.items() if not _is_of_a_library(value)]
        self.notes += [name for name in changed if name not in (*own, *self.notes)]
        return own


_CHANGES = "other code uses it, too. Write a function of your own, with a name of its own."
_ARGUMENTS = "a result depends on the arguments alone, whoever calls the function."


def _bytes(setting):
    try:
        return pickle.dumps(setting)
    except Exception:  # a formatter of numbers may be any function
        return b""
