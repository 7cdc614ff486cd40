"""The stack machine that a pickle is a program for, without imports and calls.

Python's own machine imports the names in a pickle and calls them. This one keeps numbers,
texts, lists, tuples and dicts. A name, the result of a call and an object become an Opaque,
which says what it stands for. The caller answers the calls that it knows.

Each method takes a constant time, besides what it takes from the stack. So time and memory are
in proportion to the pickle:
  - A key of a dict is quick to hash. A tuple of two tuples of two ..., 60 deep, is not, so an
    Opaque stands for it.
  - An answered call gets few arguments. A long tuple could be an argument many times.
  - The memo is a list that grows by the values that are remembered.

Source: CPython's pickle.py (_Unpickler).
"""

from collections.abc import Callable

MAX_ARGUMENTS = 12

# Functions of this folder by the module and name that a pickle calls, given the arguments.
Answers = dict[tuple[str, str], Callable[[tuple], object]]


class Opaque:
    """Stands for a foreign name, or for the object that a call of this name would make."""

    __slots__ = ("arguments", "name", "state")

    def __init__(self, name: tuple[str, str], arguments: object = None, state: object = None):
        self.name, self.arguments, self.state = name, arguments, state

    def __str__(self) -> str:
        return ".".join(part[:80] for part in self.name if part)


class StackMachine:
    """The stack, the marks in it, and the memo, with what the opcodes do to them."""

    def __init__(self, answers: Answers, persistent: Callable[[object], object]):
        self.stack, self.marks, self.memo = [], [], []
        self.answers, self.persistent = answers, persistent

    def take(self, count: int | None = None) -> list:
        """Remove the last `count` values from the stack, or those above the last mark."""
        bottom = self.marks[-1] if self.marks else 0
        start = self.marks.pop() if count is None else len(self.stack) - count
        if start < bottom:
            raise IndexError
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def remember(self, index: int | None) -> None:
        index = len(self.memo) if index is None else index
        if not 0 <= index <= len(self.memo) + 1:  # Python 2 counts from 1
            raise ValueError(f"its pickle has the memo index {index}")
        self.memo += [None] * (index + 1 - len(self.memo))
        self.memo[index] = self.stack[-1]

    def extend(self, values: list) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)
        elif not isinstance(self.stack[-1], Opaque):
            raise ValueError("its pickle appends to a value that is no list")

    def set_items(self, values: list) -> None:
        target = self.stack[-1]
        if len(values) % 2:
            raise ValueError("its pickle has a key without a value")
        if isinstance(target, dict):
            keys = [key if _is_key(key) else Opaque(("key", "")) for key in values[::2]]
            target.update(zip(keys, values[1::2], strict=True))
        elif not isinstance(target, Opaque):
            raise ValueError("its pickle sets an item of a value that is no dict")

    def push_dict(self, values: list) -> None:
        self.stack.append({})
        self.set_items(values)

    def call(self, function: object, arguments: object) -> None:
        if not isinstance(function, Opaque):
            raise ValueError("its pickle calls a value that is no name")
        answer = self.answers.get(function.name) if function.arguments is None else None
        few = isinstance(arguments, tuple) and len(arguments) <= MAX_ARGUMENTS
        made = answer(arguments) if answer and few else Opaque(function.name, arguments)
        self.stack.append(made)

    def build(self, state: object) -> None:
        """Keep the attributes of an object. Other values, such as a dict, take none."""
        target = self.stack[-1]
        if isinstance(target, Opaque) and target.arguments is not None:
            target.state = state

    def pop(self) -> None:
        """Remove a value, or a mark with nothing above it."""
        marked = self.marks and self.marks[-1] == len(self.stack)
        self.take(None if marked else 1)

    def push_name(self, module: object, name: object) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("its pickle has a name that is no text")
        self.stack.append(Opaque((module, name)))

    def push_object(self, name: str, arguments: list) -> None:
        self.push_name(*name.split(" ", 1))
        self.call(self.stack.pop(), tuple(arguments))


def _is_key(value):
    if isinstance(value, int):
        return value.bit_length() <= 64
    return value is None or isinstance(value, str | bytes | float | Opaque)
