"""Read a file of torch.save without PyTorch: numbers, texts, and tensors as NumPy arrays.

Since PyTorch 1.6 such a file is a zip archive whose members are not compressed:

    NAME/data.pkl     a pickle: the value, in which each tensor is a call of
                      torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...)
    NAME/data/0, 1 …  the storages: the tensors' numbers, one after the other
    NAME/byteorder    "little" or "big" (not in old files)

A storage is a persistent id in the pickle, ("storage", torch.FloatStorage, "0", "cpu", 2048):
its type, its member data/0, its device, its count of numbers. Several tensors may share one.
The offset, size and stride of a tensor are counted in numbers.

A pickle is a program that can import any name and call it. Three rules make it harmless:
  - Each name becomes a stand-in of ours: nothing is imported, and no foreign name is called.
  - A key of a dict is quick to hash. A tuple of two tuples of two ..., 60 deep, is not.
  - Every length that the file claims is compared with the bytes that it has.

Source: torch/serialization.py and torch/_utils.py of PyTorch 2.13; CPython's _pickle.c.
"""

import io
import math
import pickle
import pickletools
import zipfile
from pathlib import Path

import numpy as np

from ..errors import UserError

MAX_PICKLE = 2**18  # bytes: some 1,500 tensors; the published file's pickle has 6,300
MAX_AXES = 8
BEFORE_1_6 = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # a pickle of a number, then more

# bfloat16 is the upper half of a float32; NumPy has no such type.
KINDS = {"Float": "f4", "Double": "f8", "Half": "f2", "BFloat16": "u2", "Long": "i8"}
KINDS |= {"Int": "i4", "Bool": "?"}
STORAGES = {f"torch.{kind}Storage": np.dtype(f"<{code}") for kind, code in KINDS.items()}

# EXT reads a registry of this process, DUP and POP hide a tuple, a buffer can be a huge key.
REFUSED = {"EXT1", "EXT2", "EXT4", "DUP", "POP", "NEXT_BUFFER", "READONLY_BUFFER"}
SLOW = (pickletools.pytuple, pickletools.pyfrozenset)  # to hash
# Every how many of the values that an opcode takes from the stack is a key.
KEYS = {"SETITEM": 2, "SETITEMS": 2, "DICT": 2, "ADDITEMS": 1, "FROZENSET": 1}


def read_torch_file(path: Path) -> object:
    """Return the value in the file: dicts, lists, texts and numbers, tensors as arrays.

    The arrays are read-only and may share memory. A StandIn is there for everything else.

    Raises:
        UserError: the file cannot be read, is damaged, or could hang this process.
    """
    try:
        with open(path, "rb") as file:
            if file.read(len(BEFORE_1_6)) == BEFORE_1_6:
                raise ValueError("PyTorch before 1.6 wrote it; save it again with a newer one")
            members = _members(file)
            if "byteorder" in members and members["byteorder"]() != b"little":
                raise ValueError("a big-endian computer wrote it, which is not supported")
            data = members["data.pkl"]()
            check_pickle(data)
            return _Unpickler(io.BytesIO(data), members).load()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception as error:  # pickle gives no complete list of what it raises
        reason = f"it has no member {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{path} is damaged or no file of PyTorch: {reason[:200]}") from None


def _members(file):
    """Map each member's name, without its folder, to the function that reads it."""
    archive = zipfile.ZipFile(file)
    entries = archive.infolist()
    # A zip bomb needs compression, or members that share their bytes.
    if any(e.compress_type or e.compress_size != e.file_size for e in entries):
        raise ValueError("a member is compressed")
    if sum(entry.file_size for entry in entries) > file.seek(0, io.SEEK_END):
        raise ValueError("its members together are larger than the file")
    return {e.filename.partition("/")[2]: (lambda e=e: archive.read(e)) for e in entries}


def check_pickle(data: bytes) -> None:
    """Raise a ValueError if loading this pickle could hang or take much memory.

    The loop follows the unpickler's stack. Of each value it keeps only whether the value may
    be a key of a dict or set: its hash is quick. `genops` compares lengths with the data.
    """
    if len(data) > MAX_PICKLE:
        raise ValueError(f"its pickle has {len(data):,} bytes, more than {MAX_PICKLE:,}")
    stack, marks, memo = [], [], {}
    for opcode, argument, _ in pickletools.genops(data):
        name, before, after = opcode.name, opcode.stack_before, opcode.stack_after
        if name in REFUSED:
            raise ValueError(f"its pickle has the opcode {name}, which no checkpoint needs")
        if name == "MARK":
            marks.append(len(stack))
        elif name == "MEMOIZE" or name.endswith("PUT"):
            index = len(memo) if argument is None else argument
            if index >= len(data):  # the memo is an array that grows to the largest index
                raise ValueError(f"its pickle has the memo index {index}")
            memo[index] = stack[-1] if stack else False
        elif name.endswith("GET"):
            stack.append(memo.get(argument, False))
        else:
            kept = before[:1] == after[:1]  # APPEND, BUILD and others leave their target there
            to_mark = pickletools.stackslice in before and marks
            start = marks.pop() if to_mark else max(0, len(stack) - len(before) + kept)
            if name in KEYS and not all(stack[start :: KEYS[name]]):
                raise ValueError("its pickle has a key that is a tuple or a huge number")
            del stack[start:]
            huge = isinstance(argument, int) and abs(argument) >= 2**64
            stack += [not huge and kind not in SLOW for kind in after[kept:]]


class StandIn:
    """Stands for a foreign name, and for the result of its call. Nothing changes it."""

    def __new__(cls, *_arguments, **_options):
        return super().__new__(cls)

    # The unpickler calls these of an object or of a class, where a file sets or adds something.
    __setstate__ = append = extend = add = __setitem__ = staticmethod(lambda *_: None)


class Name(StandIn):
    """Stands for a storage's type, or for a function in CALLS."""

    def __init__(self, name: str):
        self.name = name

    def __call__(self, *arguments: object) -> object:
        return CALLS.get(self.name, StandIn)(*arguments)


class Dict(dict):
    """Stands for an OrderedDict. It takes no attributes, such as a state dict's _metadata."""

    __setstate__ = StandIn.__setstate__

    def __init__(self, *pairs):
        if pairs:  # check_pickle has not seen that keys are among them
            raise ValueError("its pickle fills a dict in a way that torch.save does not")


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, members):
        super().__init__(file)
        self.members, self.storages = members, {}

    def find_class(self, module: str, name: str) -> object:
        name = f"{module}.{name}"
        if name == "collections.OrderedDict":
            return Dict
        return Name(name) if name in STORAGES or name in CALLS else StandIn

    def persistent_load(self, identity: object) -> np.ndarray | StandIn:
        match identity:
            case (str("storage"), Name(name=kind), str(key), _, int(count)) if kind in STORAGES:
                wanted = kind, count, key
                if wanted not in self.storages:
                    self.storages[wanted] = _numbers(kind, count, self.members[f"data/{key}"]())
                return self.storages[wanted]
        return StandIn()


def _numbers(kind, count, data):
    """Return the numbers (N,) of a storage."""
    dtype = STORAGES[kind]
    if count * dtype.itemsize != len(data):
        raise ValueError(f"a storage has {len(data):,} bytes, not {count:,} numbers of {kind}")
    numbers = np.ndarray(count, dtype, data)
    if kind == "torch.BFloat16Storage":
        numbers = (numbers.astype("<u4") << 16).view("<f4")
        numbers.flags.writeable = False
    return numbers


def _tensor(numbers, offset, size, stride, *_others):
    """Return a view of a storage; NumPy checks that the view lies in it."""
    if not isinstance(numbers, np.ndarray):
        return StandIn()
    natural = all(type(n) is int and 0 <= n < 2**62 for n in (offset, *size, *stride))
    if not (natural and len(size) == len(stride) <= MAX_AXES):
        raise ValueError("a tensor's offset, size and stride are no natural numbers that fit")
    if math.prod(size) > numbers.size:  # a stride of 0 would repeat numbers for nothing
        raise ValueError(f"a tensor of size {size} does not fit into its storage")
    start, *steps = (n * numbers.itemsize for n in (offset, *stride))
    return np.ndarray(size, numbers.dtype, numbers, start, steps)


CALLS = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": lambda tensor, *_others: tensor,
}
