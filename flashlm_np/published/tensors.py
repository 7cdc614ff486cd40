"""Tensors and numbers of a pickle as NumPy's: a storage, a view of it, a NumPy scalar.

A storage holds a tensor's numbers, one after the other. It is a persistent id in the pickle,
("storage", torch.FloatStorage, "0", "cpu", 2048): its type, its name, its device, its count of
numbers. A tensor is a call of torch._utils._rebuild_tensor_v2(storage, offset, size, stride,
...), counted in numbers. Several tensors may share a storage.

Every length that the file claims is compared with the bytes that it has.

Source: torch/_utils.py and torch/serialization.py of PyTorch 2.13.
"""

import math

import numpy as np

from .stack_machine import MAX_ARGUMENTS, Opaque

MAX_AXES = 8
# bfloat16 is the upper half of a float32; NumPy has no such type.
KINDS = {"Float": "f4", "Double": "f8", "Half": "f2", "BFloat16": "u2", "Bool": "?"}
KINDS |= {"Long": "i8", "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1"}
KINDS |= {"ComplexFloat": "c8", "ComplexDouble": "c16"}
KINDS |= {"QInt8": "i1", "QUInt8": "u1", "QInt32": "i4"}  # of quantized tensors, not read
STORAGES = {("torch", f"{kind}Storage"): np.dtype(f"<{code}") for kind, code in KINDS.items()}
STORAGES |= {("torch.storage", "UntypedStorage"): np.dtype("u1")}  # of newer types, not read


def storage_id(identity: object) -> tuple[tuple[str, str], str, int] | None:
    """The type, the name and the count of numbers of a storage; None for another identity."""
    if not _is_short(identity):
        return None
    match identity:
        case (str("storage"), Opaque(name=kind), str(key), _, int(count), *view):
            if kind in STORAGES and 0 <= count < 2**62 and not any(view):
                return kind, key, count
    return None


def numbers(kind: tuple[str, str], count: int, data: bytes) -> np.ndarray:
    """The numbers (N,) of a storage with these bytes. Raises ValueError if the sizes differ."""
    dtype = STORAGES[kind]
    if count * dtype.itemsize != len(data):
        name = ".".join(kind)
        raise ValueError(f"a storage has {len(data):,} bytes, not {count:,} numbers of {name}")
    array = np.ndarray(count, dtype, data)
    if kind == ("torch", "BFloat16Storage"):
        array = (array.astype("<u4") << 16).view("<f4")
        array.flags.writeable = False
    return array


def _tensor(arguments):
    """A view of a storage; NumPy checks that the view lies in it."""
    match arguments:
        case (np.ndarray() as stored, offset, tuple(size), tuple(stride), *others):
            # Such as {"conj": True}: the numbers are not those of the storage.
            if any(others[2:]):
                return Opaque(("a conjugated or negated tensor", ""), arguments)
            return _view(stored, offset, size, stride)
    return Opaque(TENSOR, arguments)


def _view(stored, offset, size, stride):
    natural = len(size) == len(stride) <= MAX_AXES and all(
        type(n) is int and 0 <= n < 2**62 for n in (offset, *size, *stride)
    )
    if not natural:
        raise ValueError("a tensor's offset, size and stride are no natural numbers that fit")
    if math.prod(size) > stored.size:
        if 0 in stride:  # a few bytes could ask for a model of any size
            return Opaque(("a tensor that repeats its numbers", ""))
        raise ValueError(f"a tensor of size {size} does not fit into its storage")
    start, *steps = (n * stored.itemsize for n in (offset, *stride))
    return np.ndarray(size, stored.dtype, stored, start, steps)


def _typed(arguments):
    """A parameter with attributes: the function that makes it, its type, and its arguments."""
    match arguments:
        case (Opaque(name=name, arguments=None), _, inner, *_) if name == TENSOR:
            if _is_short(inner):
                return _tensor(inner)
    return Opaque(("torch._tensor", "_rebuild_from_type_v2"), arguments)


def _is_short(values):
    """A tuple that costs nothing to look at, however often a pickle uses it."""
    return isinstance(values, tuple) and len(values) <= MAX_ARGUMENTS


def _bytes(arguments):
    """A few bytes, which protocol 2 writes as a text of Latin-1."""
    match arguments:
        case (str(text), "latin1") if len(text) <= 16:
            return text.encode("latin1")
    return Opaque(("_codecs", "encode"), arguments)


def _scalar(arguments):
    """A NumPy scalar as a number of Python: its dtype, whose state has the order, its bytes."""
    match arguments:
        case (Opaque(arguments=(str(code), *_), state=(_, str(order), *_)), bytes(data)):
            if code in SCALARS and order in ("<", ">", "|"):
                return np.frombuffer(data, order + code, count=1)[0].item()
    return Opaque(("numpy", "scalar"), arguments)


TENSOR = ("torch._utils", "_rebuild_tensor_v2")
SCALARS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
ANSWERS = {
    TENSOR: _tensor,
    ("torch._utils", "_rebuild_tensor"): _tensor,  # before PyTorch 0.4
    ("torch._utils", "_rebuild_parameter"): lambda arguments: arguments[0],
    ("torch._utils", "_rebuild_parameter_with_state"): lambda arguments: arguments[0],
    ("torch._tensor", "_rebuild_from_type_v2"): _typed,
    ("collections", "OrderedDict"): lambda arguments: {},
    ("collections", "defaultdict"): lambda arguments: {},
    ("_codecs", "encode"): _bytes,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy.core.multiarray", "scalar"): _scalar,
}
