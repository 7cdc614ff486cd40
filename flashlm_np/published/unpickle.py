"""Read a pickle without running it: `pickletools.genops` decodes it for a harmless machine."""

from collections.abc import Callable
from pickletools import genops
from typing import BinaryIO

from .stack_machine import Answers, Opaque, StackMachine

# Four million numbers in lists, or 300,000 NumPy scalars; the published file has 1,632 opcodes.
# A hostile file of as many opcodes takes 5 s and 0.6 GB, or 20 s and 1 GB if all are names.
MAX_OPCODES = 2**22


def unpickle(
    file: BinaryIO, answers: Answers, persistent: Callable[[object], object]
) -> object:
    """Return the value of the pickle at the file's position, and move to the pickle's end.

    answers: functions that answer calls, by the module and the name of the called function.
    persistent: returns the value of a persistent id.

    Raises:
        ValueError: the pickle is damaged, or has more than MAX_OPCODES opcodes.
    """
    machine = StackMachine(answers, persistent)
    try:
        for count, (opcode, argument, _) in enumerate(genops(file)):
            if count == MAX_OPCODES:
                raise ValueError(f"its pickle has more than {MAX_OPCODES:,} opcodes")
            if opcode.name in ACTIONS:
                ACTIONS[opcode.name](machine, argument)
            else:
                machine.stack.append(argument)  # a number or a text
        return machine.take(1)[0]
    except IndexError:
        raise ValueError("its pickle uses a value that it has not made") from None


def _push(make):
    return lambda machine, argument: machine.stack.append(make(machine, argument))


def _foreign(kind):
    return _push(lambda machine, argument: Opaque((kind, str(argument))))


# The action of each opcode on the machine m, with its argument a. Any other pushes a.
ACTIONS = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP", "READONLY_BUFFER"), lambda m, a: None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), lambda m, a: m.remember(a)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _push(lambda m, a: m.memo[int(a)])),
    "MARK": lambda m, a: m.marks.append(len(m.stack)),
    "POP": lambda m, a: m.pop(),
    "POP_MARK": lambda m, a: m.take(),
    "DUP": _push(lambda m, a: m.stack[-1]),
    "NONE": _push(lambda m, a: None),
    "NEWTRUE": _push(lambda m, a: True),
    "NEWFALSE": _push(lambda m, a: False),
    "EMPTY_TUPLE": _push(lambda m, a: ()),
    "TUPLE1": _push(lambda m, a: tuple(m.take(1))),
    "TUPLE2": _push(lambda m, a: tuple(m.take(2))),
    "TUPLE3": _push(lambda m, a: tuple(m.take(3))),
    "TUPLE": _push(lambda m, a: tuple(m.take())),
    "EMPTY_LIST": _push(lambda m, a: []),
    "LIST": _push(lambda m, a: m.take()),
    "APPEND": lambda m, a: m.extend(m.take(1)),
    "APPENDS": lambda m, a: m.extend(m.take()),
    "EMPTY_DICT": _push(lambda m, a: {}),
    "DICT": lambda m, a: m.push_dict(m.take()),
    "SETITEM": lambda m, a: m.set_items(m.take(2)),
    "SETITEMS": lambda m, a: m.set_items(m.take()),
    "EMPTY_SET": _push(lambda m, a: Opaque(("builtins", "set"), ())),
    "ADDITEMS": lambda m, a: m.take(),
    "FROZENSET": _push(lambda m, a: Opaque(("builtins", "frozenset"), m.take())),
    "GLOBAL": lambda m, a: m.push_name(*a.split(" ", 1)),
    "STACK_GLOBAL": lambda m, a: m.push_name(*m.take(2)),
    "REDUCE": lambda m, a: m.call(*m.take(2)),
    "NEWOBJ": lambda m, a: m.call(*m.take(2)),
    "NEWOBJ_EX": lambda m, a: m.call(*m.take(3)[:2]),
    "OBJ": lambda m, a: m.call((values := m.take())[0], tuple(values[1:])),
    "INST": lambda m, a: m.push_object(a, m.take()),
    "BUILD": lambda m, a: m.build(*m.take(1)),
    "PERSID": _foreign("persistent id"),
    "BINPERSID": _push(lambda m, a: m.persistent(*m.take(1))),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _foreign("extension")),
    "NEXT_BUFFER": _foreign("buffer"),
}
