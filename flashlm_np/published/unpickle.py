"""Pickle without danger: a machine for the opcodes that data needs, and none that runs code.

A pickle is a program for a small machine with a stack. {"step": 7} is written as

    EMPTY_DICT   BINUNICODE 'step'   BININT1 7   SETITEM   STOP
    {}           {} 'step'           {} 'step' 7 {'step': 7}

The danger is in two more opcodes: Python's own machine imports what GLOBAL names, and REDUCE
calls it, so a file can run any program. pickle.Unpickler can be told which names to allow, but
a file can still hang it (a tuple of two tuples of two ..., 60 deep, as key of a dict is hashed
2^60 times), ask it for gigabytes (one memo index of 2^31), or, with BUILD, set attributes of
what it was allowed to name. So the machine stands here, and what it cannot do it has no code
for:

  - GLOBAL looks the name up in a table that is passed in, and pushes it; nothing is imported
  - REDUCE calls what the table has for that name, which is ours
  - the key of a dict is a string or a number of 4 bytes, so that hashing it is nothing
  - BUILD throws away what it should set
  - each opcode makes at most one object, whose size is no number that the file only claims

Python's pickletools.genops reads the opcodes, and checks their lengths against the data.

Source: the comments of CPython's Lib/pickletools.py; PyTorch's torch.load(weights_only=True)
takes the same way, in torch/_weights_only_unpickler.py.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import NamedTuple


class Global(NamedTuple):
    """What stands on the stack for a name: the name, and no more."""

    name: str


def unpickle(
    data: bytes, allowed: dict[str, Callable | None], persistent: Callable[[object], object]
) -> object:
    """The value that a pickle of protocol 2 to 4 describes.

    Args:
        allowed: what "module.name" does with the tuple of its arguments when it is called;
            None if it may only be named. Any other name is an error.
        persistent: the object for a persistent id, by which a pickle refers to other files.

    Raises:
        ValueError: the data is damaged, or asks for what this machine does not do.
    """
    machine = _Machine(allowed, persistent)
    for opcode, argument, _ in pickletools.genops(data):
        step = getattr(machine, opcode.name, None)
        if step is None:
            asked = opcode.name if argument is None else f"{opcode.name} {shown(argument)}"
            raise ValueError(f"it has the opcode {asked}, which no checkpoint needs")
        step(argument)
    return machine.pop()


def shown(text: object) -> str:
    """Text from a file, as it may stand in an error: short, and without control characters."""
    return ascii(str(text)[:80])


class _Machine:
    """Its methods in capitals are its opcodes, each with the argument that follows in the data.

    MARK begins a new stack above the old one; what takes "all after the mark" takes all of it,
    so nothing reaches below a mark.
    """

    def __init__(self, allowed, persistent):
        self.allowed, self.persistent = allowed, persistent
        self.stack, self.below, self.memo = [], [], {}

    # The stack

    def push(self, value):
        self.stack.append(value)

    def pop(self, kind=object):
        value = self.top(kind)
        self.stack.pop()
        return value

    def top(self, kind=object):
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise ValueError(f"its pickle lacks a value of the kind {kind.__name__}")
        return self.stack[-1]

    def pop_to_mark(self):
        if not self.below:
            raise ValueError("its pickle lacks a mark")
        items, self.stack = self.stack, self.below.pop()
        return items

    def MARK(self, _):
        self.below.append(self.stack)
        self.stack = []

    def PROTO(self, _):
        """The version, the length of a part, the end: nothing is to be done."""

    FRAME = STOP = PROTO

    # Values

    BININT = BININT1 = BININT2 = LONG1 = BINFLOAT = BINUNICODE = SHORT_BINUNICODE = push

    def NONE(self, _):
        self.push(None)

    def NEWTRUE(self, _):
        self.push(True)

    def NEWFALSE(self, _):
        self.push(False)

    # Tuples, lists and dicts

    def EMPTY_TUPLE(self, _):
        self.push(())

    def EMPTY_LIST(self, _):
        self.push([])

    def EMPTY_DICT(self, _):
        self.push({})

    def TUPLE(self, _):
        self.push(tuple(self.pop_to_mark()))

    def TUPLE1(self, _):
        self.push((self.pop(),))

    def TUPLE2(self, _):
        self.push((self.pop(), self.pop())[::-1])

    def TUPLE3(self, _):
        self.push((self.pop(), self.pop(), self.pop())[::-1])

    def APPEND(self, _):
        item = self.pop()
        self.top(list).append(item)

    def APPENDS(self, _):
        items = self.pop_to_mark()
        self.top(list).extend(items)

    def SETITEM(self, _):
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def SETITEMS(self, _):
        self.set_items(self.pop_to_mark())

    def set_items(self, items):
        for key, value in zip(items[::2], items[1::2], strict=True):
            small = type(key) is int and abs(key) < 2**31
            if not (small or type(key) is str):
                raise ValueError("it has a dict whose key is no string and no small number")
            self.top(dict)[key] = value

    # The memo: values that are needed again

    def BINPUT(self, index):
        self.memo[index] = self.top()

    LONG_BINPUT = BINPUT

    def MEMOIZE(self, _):
        self.memo[len(self.memo)] = self.top()

    def BINGET(self, index):
        if index not in self.memo:
            raise ValueError(f"its pickle uses value {index} before it is there")
        self.push(self.memo[index])

    LONG_BINGET = BINGET

    # Names, and what is done with them

    def GLOBAL(self, module_and_name):
        name = module_and_name.replace(" ", ".")
        if name not in self.allowed:
            raise ValueError(f"it asks for {shown(name)}, which is not on the list")
        self.push(Global(name))

    def STACK_GLOBAL(self, _):
        name, module = self.pop(str), self.pop(str)
        self.GLOBAL(f"{module} {name}")

    def REDUCE(self, _):
        arguments, function = self.pop(tuple), self.pop(Global)
        call = self.allowed[function.name]
        if call is None:
            raise ValueError(f"it calls {function.name}, which is no function")
        self.push(call(arguments))

    def BUILD(self, _):
        self.pop()  # what an object has beside its items, such as a state dict's _metadata

    def BINPERSID(self, _):
        self.push(self.persistent(self.pop()))
