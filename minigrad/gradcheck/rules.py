"""The rules that the checker holds every operation to, and the sentences that name a break.

forward    returns (y, saved), and writes to no input
backward   returns a tuple: per input an array of its shape and dtype, None for integers;
           writes neither to dy nor to what was saved
float32    inputs of float32 give a result and gradients of float32
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from .. import engine
from ..ops import TABLE, Operation, RowGradient
from ..tensor import Tensor
from .answers import GradientError
from .inputs import argument_names, fresh

WRITES = (
    "{}: an operation writes into its inputs, into dy or into what it saved; write only into "
    "arrays that it made itself"
)


class RulesObserver:
    """Locks arrays, and wraps each backward that is recorded, so that a break is an error.

    It sets the leaves' gradients aside; `restore` brings them back and unlocks all.
    """

    def __init__(self):
        self.leaves, self.locked = {}, []
        self.calls: dict[Callable, tuple] = {}  # of operations that are not the table's

    def set_aside(self, leaf: Tensor) -> None:
        """Take the leaf's gradient away until `restore`, and lock its data."""
        if id(leaf) not in self.leaves:
            self.leaves[id(leaf)] = leaf, leaf.grad, leaf.requires_grad
            leaf.grad = None
            self.lock(leaf.data)

    def lock(self, value: object) -> None:
        """Make all arrays in a value read-only until `restore`."""
        for array in arrays_in(value):
            if array.flags.writeable:
                array.flags.writeable = False
                self.locked.append(array)

    def restore(self) -> None:
        for leaf, grad, requires_grad in self.leaves.values():
            leaf.grad, leaf.requires_grad = grad, requires_grad
        # Owners first: a view cannot be unlocked before its owner.
        for array in sorted(self.locked, key=lambda array: array.base is not None):
            array.flags.writeable = True

    def forward(self, operation, arrays, options, y, node, seconds):
        if node is None:
            return
        for parent in node.parents:
            if isinstance(parent, Tensor):
                self.set_aside(parent)
        self.lock((arrays, y, node.saved))
        node.operation = dataclasses.replace(
            operation, backward=self._guarded(operation, [(a.shape, a.dtype) for a in arrays])
        )
        if TABLE.get(operation.name) is not operation:
            self.calls[operation.forward] = operation, arrays, options

    def backward(self, node, dy, gradients, seconds):
        pass

    def _guarded(self, operation: Operation, inputs) -> Callable:
        def backward(dy, saved):
            self.lock(dy)
            try:
                gradients = operation.backward(dy, saved)
            except ValueError as error:
                raise (as_write(operation.name, error) or error) from error
            expect_gradients(operation, inputs, gradients)
            return gradients

        return backward


def arrays_in(value: object) -> list[np.ndarray]:
    """All arrays in a value: in tuples, lists, dicts, and attributes of objects."""
    found, waiting, seen = [], [value], set()
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, (str, bytes, type, Callable)):
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            found.append(item)
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, (tuple, list, set, frozenset)):
            waiting.extend(item)
        else:
            waiting.extend(getattr(item, "__dict__", {}).values())
    return found


def as_write(name: str, error: ValueError) -> GradientError | None:
    """The sentence for an attempt to write into a locked array; None for other errors."""
    return GradientError(WRITES.format(name)) if "read-only" in str(error) else None


def broken_forward(error: Exception) -> Exception:
    """The same error, or the sentence for a forward that broke a rule, with its name."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code is not engine.run.__code__:
        frame = frame.tb_next
    if frame is None:
        return error
    operation = frame.tb_frame.f_locals["operation"]
    if frame.tb_next is None:  # the line in `run` that takes the result apart
        return not_a_pair(operation.name)
    return (isinstance(error, ValueError) and as_write(operation.name, error)) or error


def not_a_pair(name: str) -> GradientError:
    return GradientError(
        f"{name}: forward does not return a pair; return y and the values that backward needs: "
        "`return y, (x,)`, or `return y, ()` if it needs none"
    )


def expect_forward(operation: Operation, values, options) -> None:
    """Raise unless forward returns a pair of an array and what it saved."""
    arrays = [np.array(getattr(value, "data", value)) for value in values]
    result = operation.forward(*arrays, **fresh(options))
    if not (isinstance(result, tuple) and len(result) == 2):
        raise not_a_pair(operation.name)
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


def expect_float32(operation: Operation, arrays, options) -> None:
    """Raise unless inputs of float32 give results of float32."""
    single = [a.astype(np.float32) if a.dtype == np.float64 else a for a in arrays]
    with np.errstate(all="ignore"):
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
