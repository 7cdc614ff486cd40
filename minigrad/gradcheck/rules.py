"""The rules that hold while a checked function runs: nothing is overwritten.

An operation writes neither to its inputs, nor to dy, nor to what it saved. The results of its
two functions are held to operation_rules.py.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from .. import engine
from ..guards.inside import arrays_in
from ..guards.own_operations import expect_pair, is_in_table
from ..ops import Operation
from ..tensor import Tensor
from .answers import GradientError
from .operation_rules import expect_gradients, expect_same_gradients

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
        self.locked += lock(value)

    def restore(self) -> None:
        for leaf, grad, requires_grad in self.leaves.values():
            leaf.grad, leaf.requires_grad = grad, requires_grad
        unlock(self.locked)

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
        if not is_in_table(operation):
            self.calls[operation.forward] = operation, arrays, options

    def backward(self, node, dy, gradients, seconds):
        pass

    def _guarded(self, operation: Operation, inputs) -> Callable:
        def backward(dy, saved):
            self.lock(dy)
            try:
                gradients = operation.backward(dy, saved)
                expect_gradients(operation, inputs, gradients)
                if operation.forward in self.calls:
                    again = operation.backward(dy, saved)
                    expect_same_gradients(operation, gradients, again)
            except ValueError as error:
                raise (as_write(operation.name, error) or error) from error
            return gradients

        return backward


def lock(value: object) -> list[np.ndarray]:
    """Make all arrays in a value read-only; returns those that were not."""
    arrays = [array for array in arrays_in(value) if array.flags.writeable]
    for array in arrays:
        array.flags.writeable = False
    return arrays


def unlock(arrays: list[np.ndarray]) -> None:
    """Make locked arrays writable again."""
    # Owners first: a view cannot be unlocked before its owner.
    for array in sorted(arrays, key=lambda array: array.base is not None):
        array.flags.writeable = True


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
    inner = frame.tb_next  # the call that failed
    if inner is not None and inner.tb_frame.f_code is expect_pair.__code__:
        return GradientError(str(error))
    return (isinstance(error, ValueError) and as_write(operation.name, error)) or error
