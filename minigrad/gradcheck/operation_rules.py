"""The rules for the results of an operation's two functions, and the sentences for a break.

forward    returns (y, saved)
backward   returns a tuple: per input an array of its shape and dtype, None for integers
float32    inputs of float32 give a result and gradients of float32
"""

import numpy as np

from ..guards.own_operations import NOT_A_PAIR
from ..ops import Operation, RowGradient
from .answers import GradientError
from .inputs import argument_names, fresh


def expect_forward(operation: Operation, values, options) -> None:
    """Raise unless forward returns a pair of an array and what it saved."""
    arrays = [np.array(getattr(value, "data", value)) for value in values]
    result = operation.forward(*arrays, **fresh(options))
    if not (isinstance(result, tuple) and len(result) == 2):
        raise GradientError(NOT_A_PAIR.format(operation.name))
    y = result[0]
    if not isinstance(y, (np.ndarray, np.generic)):
        raise GradientError(
            f"{operation.name}: forward returns y as {type(y).__name__}, expected an array; "
            "use np.asarray(y)"
        )


def expect_gradients(operation: Operation, inputs, gradients) -> None:
    """Raise unless `gradients` fits the (shape, dtype) of each input."""
    name, count = operation.name, len(inputs)
    if not isinstance(gradients, tuple):
        kind = "None" if gradients is None else type(gradients).__name__
        advice = "return (dx,), with the comma" if count == 1 else "return (da, db)"
        raise GradientError(
            f"{name}: backward returns {kind}, expected a tuple with one gradient per input; "
            f"{advice}"
        )
    if len(gradients) != count:
        raise GradientError(
            f"{name}: backward returns {len(gradients)} gradients, expected {count}, one per "
            "input (None for integers)"
        )
    names = argument_names(operation.forward, count)
    for argument, gradient, (shape, dtype) in zip(names, gradients, inputs, strict=True):
        where = f"{name}: the gradient of {argument}"
        if gradient is None:
            continue
        if not isinstance(gradient, (np.ndarray, np.generic, RowGradient)):
            kind = type(gradient).__name__
            raise GradientError(f"{where} is a {kind}, expected an array of shape {shape}")
        if dtype.kind in "iub":
            raise GradientError(f"{where} is an array, expected None, because it is {dtype}")
        if (gradient.shape, gradient.dtype) != (shape, dtype):
            raise GradientError(
                f"{where} has shape {gradient.shape} and dtype {gradient.dtype}, expected "
                f"{shape} and {dtype}"
            )


def dense(gradient: np.ndarray | RowGradient | None) -> np.ndarray | None:
    """A gradient by rows as the whole table; others as they are."""
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient


def expect_same_gradients(operation: Operation, first, second) -> None:
    """Raise unless two runs of a backward on the same dy gave the same gradients."""
    names = argument_names(operation.forward, len(first))
    for argument, a, b in zip(names, first, second, strict=True):
        a, b = dense(a), dense(b)
        if (a is None) != (b is None) or not (
            a is None or np.array_equal(a, b, equal_nan=True)
        ):
            raise GradientError(
                f"{operation.name}: a second run of backward on the same dy gives another "
                f"gradient of {argument}; compute it from dy and saved alone"
            )


def expect_float32(operation: Operation, arrays, options) -> None:
    """Raise unless inputs of float32 give results of float32."""
    single = [a.astype(np.float32) if a.dtype == np.float64 else a for a in arrays]
    y, saved = operation.forward(*single, **fresh(options))
    _expect_single(f"{operation.name}: y", y)
    gradients = operation.backward(np.ones(np.shape(y), np.float32), saved)
    if not isinstance(gradients, tuple) or len(gradients) != len(arrays):
        return  # the run in float64 tells
    names = argument_names(operation.forward, len(arrays))
    for argument, gradient in zip(names, gradients, strict=True):
        if isinstance(gradient, (np.ndarray, RowGradient)):
            _expect_single(f"{operation.name}: the gradient of {argument}", gradient)


def _expect_single(what, array):
    if array.dtype == np.float64:
        raise GradientError(
            f"{what} is float64 for inputs of float32; np.sqrt(2), np.array(3) and np.zeros(n) "
            "are float64 and make their results so: use Python's numbers, or an input's dtype"
        )
