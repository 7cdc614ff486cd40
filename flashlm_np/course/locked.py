"""Arrays that a student's function cannot change, and the names of those that it did change."""

from typing import Any

import numpy as np

from .inputs import Case, arrays_in, map_arrays


class LockedArrays:
    """Makes arrays read-only while a student's function runs.

    only: the name of the arrays to lock; without it all are locked.
    apart: whether arrays that are locked already are copied, too, when they are locked again.
    situation, hint: words for the message of an exception that the next call raises.
    """

    def __init__(self, only: str | None = None, apart: bool = False):
        self.only, self.apart, self.situation, self.hint = only, apart, "", ""
        self.names: list[str] = []
        self._known: dict[int, np.ndarray] = {}  # also those of another name than `only`
        self._locked: list[tuple[str, np.ndarray, bytes]] = []  # with the numbers at that time

    def copies(self, inputs: Case, writable: tuple[str, ...] = ()) -> Case:
        """The inputs in new arrays, all locked but those named in `writable`."""
        copies = map_arrays(np.array, inputs)
        locked = {name: value for name, value in copies.items() if name not in writable}
        return copies | {name: self.lock(name, value) for name, value in locked.items()}

    def lock(self, name: str, value: Any) -> Any:
        """The value with its arrays locked, if it has the name to lock.

        Arrays in plain containers are copied, so that nobody can unlock them. An input that is
        saved too keeps its first name.
        """
        self.names += [name] if name not in self.names else []
        is_locked = self.only in (None, name)
        value = self._copy(value) if is_locked else value
        for array in arrays_in(value):
            if id(array) not in self._known and is_locked:
                array.flags.writeable = False
                self._locked.append((name, array, array.tobytes()))
            self._known.setdefault(id(array), array)
        return value

    def _copy(self, value):
        if type(value) is np.ndarray and not value.dtype.hasobject:
            keep = id(value) in self._known and not self.apart
            return value if keep else np.ndarray(value.shape, value.dtype, value.tobytes())
        if type(value) in (tuple, list):
            return type(value)(map(self._copy, value))
        if type(value) is dict:
            return {key: self._copy(item) for key, item in value.items()}
        return value

    def written(self) -> list[str]:
        """The names of the arrays that were unlocked, or whose numbers have changed."""
        names = [n for n, a, old in self._locked if a.flags.writeable or a.tobytes() != old]
        return list(dict.fromkeys(names))

    def share_memory_with(self, array: np.ndarray) -> bool:
        return any(np.shares_memory(array, locked) for _, locked, _ in self._locked)
