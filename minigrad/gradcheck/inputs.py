"""The arguments of the checker: refused in a sentence, or ready to be differentiated by."""

import difflib
import inspect
import math
from collections.abc import Callable
from copy import deepcopy

import numpy as np

from ..errors import DtypeError
from ..ops import TABLE, Operation
from ..tensor import Tensor

MODES = ("auto", "projection", "full", "complex")


def expect_settings(mode, seed, tolerance) -> None:
    """Raise unless the checker's own settings can be meant."""
    if mode not in MODES:
        raise ValueError(f"gradcheck: mode is {mode!r}, expected one of {MODES}")
    is_number = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not is_number or seed < 0:
        raise ValueError(f"gradcheck: seed is {seed!r}, expected an integer, 0 or more")
    if tolerance is not None and not (
        isinstance(tolerance, (int, float)) and math.isfinite(tolerance) and 0 < tolerance < 1
    ):
        raise ValueError(
            f"gradcheck: tolerance is {tolerance!r}, expected a relative error between 0 and "
            "1, such as 1e-6"
        )


def as_function(f) -> Operation | Callable:
    """The operation itself, that of a name in the table, or a function of Tensors."""
    if isinstance(f, str):
        if f not in TABLE:
            near = difflib.get_close_matches(f, TABLE, n=3)
            advice = f"did you mean {' or '.join(near)}?" if near else f"there are {[*TABLE]}"
            raise ValueError(f"gradcheck: the table has no operation {f!r}; {advice}")
        return TABLE[f]
    if not callable(f) and not isinstance(f, Operation):
        raise TypeError(
            f"gradcheck: f is {type(f).__name__}, expected an Operation, the name of one in "
            "the table, or a function of Tensors"
        )
    return f


def as_inputs(f, inputs) -> tuple[list[str], list]:
    """The name of each input, and a leaf Tensor for floats, an array for ids and booleans."""
    names = _names(f, inputs)
    ids = f.integer_inputs if isinstance(f, Operation) else range(len(inputs))
    values = [
        _as_input(n, v, i in ids) for i, (n, v) in enumerate(zip(names, inputs, strict=True))
    ]
    if not any(isinstance(value, Tensor) for value in values):
        raise TypeError(
            "gradcheck: no input holds floating-point numbers, so there is nothing to "
            "differentiate by; write 2.0 for 2, and use .astype(np.float64)"
        )
    return names, values


def _as_input(name, value, may_be_ids):
    array = value.data if isinstance(value, Tensor) else np.asarray(value)
    if isinstance(value, np.ma.MaskedArray) or array.dtype.kind not in "fiub":
        kind = "a masked array" if array.dtype.kind in "fiub" else f"of dtype {array.dtype}"
        raise DtypeError(f"gradcheck: {name} is {kind}, expected an array of float64")
    if array.dtype.kind in "iub" and may_be_ids:
        return array
    if array.dtype.newbyteorder("=") != np.float64:
        reason = (
            "the difference of two nearly equal float32 numbers has about one correct digit"
        )
        if array.dtype.kind in "iub":
            reason = "only floating-point numbers have a derivative"
        raise DtypeError(
            f"gradcheck: {name} is {array.dtype}, expected float64: {reason}; use "
            ".astype(np.float64)"
        )
    is_leaf = isinstance(value, Tensor) and value.node is None
    # A copy in C order, because the caller's array may be read-only or a view.
    return value if is_leaf else Tensor(array.astype(np.float64), requires_grad=True)


def _names(f, inputs):
    if isinstance(f, Operation):
        return argument_names(f.forward, len(inputs))
    names = argument_names(f, len(inputs))
    return [getattr(value, "name", None) or n for value, n in zip(inputs, names, strict=True)]


def fresh(options: dict) -> dict:
    """The options for one run: a copy of each generator, so that all runs draw the same."""
    return {
        name: deepcopy(value) if isinstance(value, np.random.Generator) else value
        for name, value in options.items()
    }


def name_of(f) -> str:
    """The name of an operation or a function, for messages."""
    return f.name if isinstance(f, Operation) else getattr(f, "__name__", type(f).__name__)


def argument_names(function: Callable, count: int) -> list[str]:
    """The names of the first `count` inputs of a function, `name[i]` for those of *name."""
    names = []
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions written in C have no signature
        return [f"input {i}" for i in range(count)]
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            return names + [f"{parameter.name}[{i}]" for i in range(count - len(names))]
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    if len(names) < count:
        raise TypeError(f"gradcheck: f takes {len(names)} inputs {names}, {count} were given")
    return names[:count]
