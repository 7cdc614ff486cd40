"""Errors that say what is wrong, where, and how to mend it."""


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
