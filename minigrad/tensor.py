"""Tensor: an array that records how it was computed.

    >>> x = Tensor([3.0], requires_grad=True, name="x")
    >>> y = x * x + x
    >>> y.backward()
    >>> x.grad                            # d(x² + x)/dx = 2x + 1
    array([7.], dtype=float32)

The operators are operations of minigrad.ops. This file adds the notation, and keeps the
gradients of leaves.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import ops
from .arrays import as_constant, as_floating, as_gradient, common_dtype, plain_number, summary
from .conversions import Conversions
from .engine import Node, backward_steps, run
from .errors import GraphError, ShapeError
from .guards.leaf_gradients import ADDING, collect, run_backward
from .guards.writes import gradient_written, written
from .ops import Operation, RowGradient


class Tensor(Conversions):
    """An array `data`, the gradient `grad` of a loss with respect to it, and a name.

    Numbers and lists become float32. A floating-point array is kept as it is, not copied,
    unless it is big-endian.
    A tensor that is created with requires_grad=True is a leaf: backward() adds into `grad`.

    Raises:
        DtypeError: `data` is an array of integers (pass ids to operations as plain arrays), of
            other objects, or masked.
    """

    # Named slots instead of a dict: a training step makes hundreds of tensors.
    __slots__ = ("__weakref__", "_array", "grad", "name", "node", "requires_grad")
    # For `array * tensor` and np.exp(tensor), NumPy asks minigrad/numpy_dispatch.py.

    def __init__(self, data, requires_grad: bool = False, name: str | None = None):
        self._array = as_floating(data)
        self.grad: np.ndarray | RowGradient | None = None  # until the first backward
        self.name = name
        self.node: Node | None = None  # the operation that computed it, if one did
        self.requires_grad = requires_grad

    @property
    def data(self) -> np.ndarray:
        """The array itself, not a copy."""
        return self._array

    @data.setter
    def data(self, data) -> None:
        if data is self._array:  # `x.data += 1` changes the array, then sets the same array
            written(self)
        self._array = as_floating(data)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        return self.data.size

    @property
    def dtype(self) -> np.dtype:
        return self.data.dtype

    def __repr__(self):
        label = f" {self.name!r}" if self.name else ""
        return f"{type(self).__name__}{label} {summary(self.data)}"

    # -- backward ------------------------------------------------------------------------

    def backward(self, dy=None, into: dict[Tensor, np.ndarray] | None = None) -> None:
        """Add ∂loss/∂leaf into the `grad` of every leaf that this tensor was computed from.

        `dy` (this tensor's shape) is ∂loss/∂self. It is 1 where this tensor is the loss itself.
        With `into`, a dict, the sums go to into[leaf], and no `grad` changes. A gradient that
        is in the dict is added, in a new array. After an exception all are as before, or all
        are complete.
        """
        run_backward(self.backward_steps(dy), into)

    def backward_steps(self, dy=None) -> Iterator[tuple]:
        """The same, one node at a time, whose gradients reach the leaves at once.

        See minigrad.engine.backward_steps.
        """
        if self.node is None:
            raise GraphError(
                "backward: this tensor was not computed from a tensor with requires_grad=True, "
                "or it was computed inside no_grad"
            )
        if dy is None and self.size != 1:
            raise ShapeError(
                f"backward: this tensor has shape {self.shape}; reduce it to one number with "
                f".sum() or .mean(), or pass dy of that shape"
            )
        # ∂loss/∂loss = 1 starts the chain rule.
        dy = np.ones_like(self.data) if dy is None else as_gradient(dy, self.dtype)
        if dy.shape != self.shape:
            raise ShapeError(f"backward: dy has shape {dy.shape}, expected {self.shape}")
        return backward_steps(self.node, dy)

    def accumulate(self, gradient) -> None:
        """Add a gradient, dense or by rows, into the one buffer that this leaf keeps."""
        if collect(self, gradient):
            return  # inside backward(), which adds to all leaves after its last node
        with ADDING:  # one thread at a time
            if self.grad is None:
                self.grad = np.zeros_like(self.data)
            # A leaf that was used twice gets two gradients. The chain rule adds them, so this
            # is += and never =. The next backward adds, too: zero_grad comes between two steps.
            if isinstance(gradient, RowGradient):
                gradient.add_to(self.grad)
            else:
                self.grad += gradient

    def zero_grad(self) -> None:
        """Clear the gradient in place. A leaf without a gradient stays without one."""
        if isinstance(self.grad, RowGradient):
            self.grad = self.grad.cleared()
        elif self.grad is not None:
            gradient_written(self)  # a graph that still needs the old gradient is told
            self.grad.fill(0)  # the buffer stays, so the next step need not allocate it

    # -- notation ------------------------------------------------------------------------

    def __add__(self, other):
        return apply(ops.ADD, self, other)

    def __radd__(self, other):  # 2 + x: Python asks x, because 2 does not know Tensors
        return apply(ops.ADD, other, self)

    def __sub__(self, other):
        return apply(ops.SUBTRACT, self, other)

    def __rsub__(self, other):
        return apply(ops.SUBTRACT, other, self)

    def __mul__(self, other):
        return apply(ops.MULTIPLY, self, other)

    def __rmul__(self, other):
        return apply(ops.MULTIPLY, other, self)

    def __truediv__(self, other):
        return apply(ops.DIVIDE, self, other)

    def __rtruediv__(self, other):
        return apply(ops.DIVIDE, other, self)

    def __pow__(self, p):
        if isinstance(p, (int, float, np.generic)):
            return apply(ops.POWER, self, p=p)
        return apply(ops.GENERAL_POWER, self, p)

    def __rpow__(self, base):
        return apply(ops.GENERAL_POWER, base, self)

    def __neg__(self):
        return apply(ops.MULTIPLY, self, -1)  # no operation of its own to derive and test

    def __pos__(self):
        return self

    def __abs__(self):
        return apply(ops.ABS, self)

    def __matmul__(self, other):
        return apply(ops.MATMUL, self, other)

    def __rmatmul__(self, other):
        return apply(ops.MATMUL, other, self)

    def __getitem__(self, key):
        return apply(ops.INDEX, self, key=key)

    def sum(self, axis=None, keepdims=False) -> Tensor:
        return apply(ops.SUM, self, axis=axis, keepdims=keepdims)

    def mean(self, axis=None, keepdims=False) -> Tensor:
        return apply(ops.MEAN, self, axis=axis, keepdims=keepdims)

    def var(self, axis=None, ddof=0, keepdims=False) -> Tensor:
        return apply(ops.VAR, self, axis=axis, ddof=ddof, keepdims=keepdims)

    def max(self, axis=None, keepdims=False) -> Tensor:
        return apply(ops.MAX, self, axis=axis, keepdims=keepdims)

    def min(self, axis=None, keepdims=False) -> Tensor:
        return apply(ops.MIN, self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape) -> Tensor:
        return apply(ops.RESHAPE, self, shape=_sizes(shape))

    def transpose(self, *axes) -> Tensor:
        return apply(ops.TRANSPOSE, self, axes=_sizes(axes) or None)

    @property
    def T(self) -> Tensor:
        return apply(ops.TRANSPOSE, self)


def apply(operation: Operation | str, *inputs, **options) -> Tensor:
    """Run an operation, given itself or by its name in ops.TABLE, on tensors or arrays.

    Inputs that are not tensors are constants and take the tensors' dtype. Options are never
    differentiated.

    Raises:
        DtypeError: the tensors have two different precisions, or a constant is no array of
            numbers that can take theirs.
    """
    operation = ops.find(operation) if isinstance(operation, str) else operation
    options = {name: _option(operation, name, value) for name, value in options.items()}
    tensors = [value.data for value in inputs if isinstance(value, Tensor)]
    dtype = common_dtype(operation, tensors, inputs)
    # Constants become arrays of the tensors' dtype. Ids stay integers.
    arrays = tuple(
        value.data
        if isinstance(value, Tensor)
        else as_constant(operation, position, value, dtype)
        for position, value in enumerate(inputs)
    )
    # The engine sees arrays and parents only: it does not know Tensors.
    y, node = run(operation, arrays, options, tuple(_parent(value) for value in inputs))
    result = Tensor(y)
    # A recorded result requires a gradient, so operations on it are recorded, too.
    result.node, result.requires_grad = node, node is not None
    return result


def _parent(value):
    """The node that computed this input, or the leaf itself, or None for a constant."""
    if not isinstance(value, Tensor) or not value.requires_grad:
        return None
    return value if value.node is None else value.node


def _option(operation, name, value):
    if isinstance(value, Tensor):
        raise TypeError(
            f"{operation.name}: {name} is a tensor, and options (passed by name) are never "
            f"differentiated; pass its numbers, {name}.data, or pass inputs by position"
        )
    return plain_number(value)


def _sizes(sizes):
    """(2, 3) or ((2, 3),): NumPy's methods accept both."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
