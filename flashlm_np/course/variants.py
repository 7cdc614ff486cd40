"""The numbers in the inputs of test cases: the same for everybody, or those of one student.

A test case is written down as a template. Arrays whose numbers matter stand there as they are.
All others are places, and `Numbers` fills them.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .inputs import Case

# They have both signs, no zero and no symmetry. No axis has a multiple of 13 elements, so rows
# differ.
NUMBERS = (1.0, -0.5, 2.0, -1.5, 0.5, -1.0, 3.0, -2.0, 1.5, -2.5, 2.5, -3.0, 4.0)

# A student's numbers have these sizes, in an order and with signs of the student's own. No two
# are equal, and none is in NUMBERS. None is 1: a missing factor of 1 would change nothing.
SIZES = (0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 1.1, 1.2, 1.3, 1.4, 1.6, 1.7)


class Numbers:
    """The numbers for the places of templates.

    student: a student's number; without it, the numbers are NUMBERS.
    use: a text, such as the name of an exercise. Each use has other numbers.
    """

    def __init__(self, student: str = "", use: str = ""):
        self.student, self._key = student, f"{student}/{use}"
        self._numbers = NUMBERS
        if student:
            sign = self.shuffled((1, -1))[0]
            shuffled = self.shuffled(SIZES)
            self._numbers = [sign * size * (-1) ** i for i, size in enumerate(shuffled)]

    def shuffled(self, items: Iterable[Any]) -> list[Any]:
        """Different items in the student's order.

        They are sorted by a hash. A generator of random numbers may give others in the next
        version of its library.
        """
        return sorted(
            items, key=lambda item: hashlib.sha256(f"{self._key}/{item}".encode()).digest()
        )

    def array(self, shape: tuple[int, ...], start: int = 0) -> np.ndarray:
        """An array of the numbers, from the one at `start` on."""
        size = int(np.prod(shape))
        return np.resize(np.roll(self._numbers, -start), size).reshape(shape)

    def fill(self, template: Any) -> Any:
        """The template with arrays in its places."""
        if isinstance(template, dict):
            return {name: self.fill(value) for name, value in template.items()}
        if isinstance(template, list):
            return [self.fill(value) for value in template]
        return template.made(self) if isinstance(template, Place) else template


class Place:
    """A place of a template."""

    def made(self, numbers: Numbers) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class Free(Place):
    """A place for an array of any numbers.

    values: those without a student's number, if they are not NUMBERS. A student gets other
        numbers in place of floats, and integers in another order.
    then: a function of the array that makes the input.
    """

    shape: tuple[int, ...]
    start: int = 0
    values: np.ndarray | None = None
    then: Callable[[np.ndarray], Any] = lambda array: array

    def made(self, numbers):
        return self.then(self._array(numbers))

    def _array(self, numbers):
        if self.values is None or (numbers.student and self.values.dtype.kind == "f"):
            return numbers.array(self.shape, self.start)
        if not numbers.student:
            return self.values.copy()
        order = numbers.shuffled(range(self.values.size))
        return self.values.reshape(-1)[order].reshape(self.shape)


@dataclass(frozen=True)
class Ids(Place):
    """A place for ids of `size` rows. A student gets other ids, but equal ones stay equal."""

    values: list
    size: int

    def made(self, numbers):
        ids = np.array(self.values)
        return np.array(numbers.shuffled(range(self.size)))[ids] if numbers.student else ids


def free(values: Any, **options) -> Free:
    """A place with these values, if there is no student's number."""
    values = np.array(values)
    return Free(values.shape, values=values, **options)


def case(arrays: dict[str, Any], **options) -> Case:
    """A template: arrays by shape (a tuple), by values (a list) or as places; then options."""
    made = {}
    for position, (name, value) in enumerate(arrays.items()):
        if isinstance(value, tuple):
            value = Free(value, 4 * position)
        made[name] = np.array(value) if isinstance(value, list) else value
    return made | options
