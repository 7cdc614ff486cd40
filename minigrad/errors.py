"""Errors that say what is wrong, where, and how to mend it."""

import sys

import numpy as np


class ShapeError(ValueError):
    """Arrays whose shapes do not fit together."""


class DtypeError(TypeError):
    """An array of a kind of number that the operation cannot take."""


class GraphError(RuntimeError):
    """A backward pass that the recorded graph cannot give."""


def expect_shape(where: str, name: str, array, match: str = "", **sizes) -> None:
    """Raise a ShapeError unless `array` has exactly the named sizes, in order.

    `match` says where the sizes come from, for the message. A size of None accepts any.

    Example:
        >>> import numpy as np
        >>> expect_shape("rms_norm", "w", np.ones(683), "x (4, 512, 256)", D=256)
        Traceback (most recent call last):
        minigrad.errors.ShapeError: rms_norm: w has shape (683,), expected (D,) = (256,) \
to match x (4, 512, 256)
    """
    shape, expected = array.shape, tuple(sizes.values())
    if len(shape) == len(expected) and all(
        want is None or have == want for have, want in zip(shape, expected, strict=True)
    ):
        return
    wanted = str(tuple(sizes))
    if any(size is not None for size in expected):
        wanted += f" = {tuple('any' if size is None else size for size in expected)}"
    wanted = wanted.replace("'", "")  # letters without quotation marks
    reason = f" to match {match}" if match else ""
    raise ShapeError(f"{where}: {name} has shape {shape}, expected {wanted}{reason}")


def expect_integers(where: str, name: str, ids, below: int, size_name: str) -> None:
    """Raise unless `ids` are integers in [0, below); the message names the first bad one."""
    if ids.dtype.kind not in "iu":
        raise DtypeError(
            f"{where}: {name} has dtype {ids.dtype}, expected integers; "
            f"use {name}.astype(np.int64)"
        )
    wrong = (ids < 0) | (ids >= below)
    if wrong.any():
        first = wrong.argmax()
        raise ShapeError(
            f"{where}: {name} holds {ids.flat[first]} at flat index {first}, "
            f"expected 0 to {size_name} - 1 = {below - 1}"
        )


def expect_axes(where: str, name: str, array, axis) -> tuple[int, ...]:
    """The axes that `axis` names (None: all), counted from 0; raise unless each exists once.

    Example:
        >>> expect_axes("max", "x", np.ones((2, 3, 5)), (-1, 0))
        (2, 0)
    """
    if axis is None:
        return tuple(range(array.ndim))
    if type(axis) is int and 0 <= axis < array.ndim:  # the usual case
        return (axis,)
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    n = max(1, array.ndim)  # as in NumPy, a single number has the axis 0
    if not all(isinstance(a, (int, np.integer)) and -n <= a < n for a in given):
        raise ShapeError(
            f"{where}: axis is {axis!r} and {name} has shape {array.shape}, expected whole "
            f"numbers from {-n} to {n - 1}"
        )
    axes = tuple(int(a) % n for a in given)
    if len(set(axes)) < len(axes):
        raise ShapeError(f"{where}: axis is {axis!r}, which names one axis of {name} twice")
    return axes if array.ndim else ()


def expect_axis(where: str, name: str, ndim: int, axis) -> int:
    """The one axis that `axis` names, counted from 0; raise unless it is one of `ndim` axes.

    Example:
        >>> expect_axis("cumulative_sum", "x", 3, -1)
        2
    """
    if not hasattr(axis, "__index__") or not -ndim <= axis < ndim:
        expected = f"one whole number from {-ndim} to {ndim - 1}" if ndim else "at least one"
        raise ShapeError(
            f"{where}: axis is {axis!r} and {name} has {ndim} axes, expected {expected}"
        )
    return int(axis) % ndim


def expect_broadcast(where: str, **arrays) -> None:
    """Raise a ShapeError unless the named arrays broadcast to one shape.

    Example:
        >>> expect_broadcast("add", a=np.ones((2, 3)), b=np.ones(2))
        Traceback (most recent call last):
        minigrad.errors.ShapeError: add: a has shape (2, 3) and b has shape (2,), which do \
not broadcast; counted from the right, each pair of sizes must be equal or hold a 1
    """
    try:
        np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:  # NumPy's message names neither the operation nor the inputs
        *first, last = (f"{name} has shape {a.shape}" for name, a in arrays.items())
        raise ShapeError(
            f"{where}: {', '.join(first)} and {last}, which do not broadcast; counted from the "
            "right, each pair of sizes must be equal or hold a 1"
        ) from None


def expect_number(
    where: str, name: str, value, *, least=None, above=None, most=None, below=None, finite=True
) -> float:
    """`value` as a Python number within the limits, and finite unless finite=False.

    Raises:
        TypeError: it is no number.
        ValueError: it is outside of the limits.

    Example:
        >>> expect_number("EMA", "decay", 1.0, least=0, below=1)
        Traceback (most recent call last):
        ValueError: EMA: decay is 1.0, expected 0 or more and less than 1
    """
    if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{where}: {name} is {named_kind(value)}, expected a number")
    is_within = (
        (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    )
    if not is_within:  # NaN is in no limits
        limits = {"{} or more": least, "more than {}": above, "at most {}": most}
        limits |= {"less than {}": below}
        texts = [text.format(limit) for text, limit in limits.items() if limit is not None]
        raise ValueError(f"{where}: {name} is {value}, expected {' and '.join(texts)}")
    if finite and not abs(value) <= sys.float_info.max:
        raise ValueError(f"{where}: {name} is {value}, expected a finite number")
    return value


def named_kind(value) -> str:
    """A value of the wrong kind, for a message: None, True, 'a text', an array, a list."""
    if value is None or isinstance(value, (bool, str)):
        return repr(value)
    kind = "array" if isinstance(value, np.ndarray) else type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
