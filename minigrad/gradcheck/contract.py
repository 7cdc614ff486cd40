"""The contract of an operation: the rules that hold whatever its mathematics is.

forward    y has the dtype of the inputs; nothing is written
backward   one gradient per input, of its shape and dtype, None for integers; neither dy nor a
           saved array is written; called twice, it gives the same bits; a later call does not
           change an earlier result
saved      each backward uses its own saved values, also if another forward ran in between
linear     a backward is linear in dy: NaN in dy reaches each gradient that dy reaches

`check_contract` runs the two functions on arrays, with no Tensor between.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..ops import Operation
from .answers import GradientError
from .inputs import argument_names, fresh
from .operation_rules import dense, expect_forward, expect_gradients
from .rules import as_write, lock, unlock


def check_contract(operation: Operation, arrays: tuple, options: dict, seed: int = 0) -> tuple:
    """Check all rules at these arrays; returns y, dy and the gradients.

    Raises:
        GradientError: a rule is broken; the message says which.
    """
    rng = np.random.default_rng(seed)
    try:
        with locked(arrays), np.errstate(all="ignore"):
            expect_forward(operation, arrays, options)
            y, saved = operation.forward(*arrays, **fresh(options))
            _expect_dtype(operation, arrays, y)
            calls = _Calls(operation, arrays, options)
            dy, other = (rng.standard_normal(y.shape).astype(y.dtype) for _ in range(2))
            gradients = calls.backward(dy, saved)
            calls.expect_independent(dy, other, saved, gradients)
            calls.expect_own_saved(dy, gradients)
            calls.expect_nan(np.full_like(dy, np.nan), saved, gradients)
    except ValueError as error:
        raise (as_write(operation.name, error) or error) from error
    return y, dy, gradients


@contextmanager
def locked(values: object) -> Iterator[None]:
    """Inside, all arrays in a value are read-only."""
    arrays = lock(values)
    try:
        yield
    finally:
        unlock(arrays)


def _expect_dtype(operation, arrays, y):
    dtypes = {array.dtype for array in arrays if array.dtype.kind == "f"}
    if y.dtype not in dtypes:
        raise GradientError(
            f"{operation.name}: y is {y.dtype} for inputs of {dtypes.pop()}; np.sqrt(2), "
            "np.array(3) and np.zeros(n) are float64: use Python's numbers, or an input's dtype"
        )


class _Calls:
    """Calls of one operation at the same arrays."""

    def __init__(self, operation, arrays, options):
        self.operation, self.arrays, self.options = operation, arrays, options
        self.names = argument_names(operation.forward, len(arrays))

    def backward(self, dy, saved):
        """The gradients as dense arrays; dy and saved are locked meanwhile."""
        with locked((dy, saved)):
            gradients = self.operation.backward(dy, saved)
        inputs = [(array.shape, array.dtype) for array in self.arrays]
        expect_gradients(self.operation, inputs, gradients)
        return list(map(dense, gradients))

    def expect_independent(self, dy, other, saved, gradients):
        first = [None if g is None else g.copy() for g in gradients]
        self._expect_equal(first, self.backward(dy, saved), "a second backward gives others")
        self.backward(other, saved)
        broken = "a later backward changes an earlier result; return new arrays"
        self._expect_equal(first, gradients, broken)

    def expect_own_saved(self, dy, gradients):
        """Run two forwards with different numbers, and then their backwards."""
        reversed_arrays = tuple(np.flip(array).copy() for array in self.arrays)
        _, saved = self.operation.forward(*self.arrays, **fresh(self.options))
        _, others = self.operation.forward(*reversed_arrays, **fresh(self.options))
        between = self.backward(dy, others), self.backward(dy, saved)
        _, others = self.operation.forward(*reversed_arrays, **fresh(self.options))
        alone = self.backward(dy, others), gradients
        for expected, found in zip(alone, between, strict=True):
            broken = "it depends on another forward; keep nothing outside saved"
            self._expect_equal(expected, found, broken)

    def expect_nan(self, nan, saved, gradients):
        for name, g, lost in zip(self.names, gradients, self.backward(nan, saved), strict=True):
            if g is not None and ((g != 0) & ~np.isnan(lost)).any():
                raise GradientError(
                    f"{self.operation.name}: the gradient of {name} hides a NaN of dy; a NaN "
                    "that becomes 0 cannot be traced to its origin"
                )

    def _expect_equal(self, expected, found, broken):
        for name, a, b in zip(self.names, expected, found, strict=True):
            if a is not None and not np.array_equal(a, b, equal_nan=True):
                raise GradientError(
                    f"{self.operation.name}: the gradient of {name} is not repeatable: {broken}"
                )
