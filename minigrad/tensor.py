"""Tensor: an array that remembers how it was made.

    >>> x = Tensor([3.0], requires_grad=True, name="x")
    >>> y = x * x + x
    >>> y.backward()
    >>> x.grad                            # d(x² + x)/dx = 2x + 1
    array([7.], dtype=float32)

Everything a Tensor can do is an operation of minigrad.ops; this room only adds the notation.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .engine import Node, backward_steps, run
from .errors import DtypeError, GraphError, ShapeError
from .ops import TABLE, Operation, RowGradient


class Tensor:
    """An array `data`, the gradient `grad` of a loss with respect to it, and a name.

    Numbers and lists become float32; floating-point arrays are kept as they are, not copied.
    With requires_grad=True it is a leaf: backward() adds into `grad`, and zero_grad clears it.

    Raises:
        DtypeError: `data` holds integers in an array; ids go into operations as they are.
    """

    __slots__ = ("__weakref__", "data", "grad", "name", "node", "requires_grad")
    __array_priority__ = 100  # so that array * tensor asks the tensor

    def __init__(self, data, requires_grad: bool = False, name: str | None = None):
        self.data = _floating(data)
        self.grad: np.ndarray | None = None
        self.name = name
        self.node: Node | None = None
        self.requires_grad = requires_grad

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

    def item(self) -> float:
        return self.data.item()

    def __len__(self):
        return len(self.data)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        label = f" {self.name!r}" if self.name else ""
        return f"{type(self).__name__}{label} {summary(self.data)}"

    # -- backward ------------------------------------------------------------------------

    def backward_steps(self, dy=None, into: dict | None = None) -> Iterator[tuple]:
        """Walk back one operation at a time: see minigrad.engine.backward_steps.

        `dy` is the gradient of the loss with respect to this tensor; it may be left out when
        this tensor is the loss itself, a single number.
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
        dy = np.ones_like(self.data) if dy is None else np.asarray(dy, self.dtype)
        if dy.shape != self.shape:
            raise ShapeError(f"backward: dy has shape {dy.shape}, expected {self.shape}")
        return backward_steps(self.node, dy, into)

    def backward(self, dy=None, into: dict | None = None) -> None:
        """Add ∂loss/∂leaf into the `grad` of every leaf this tensor was computed from.

        With a dict `into`, gradients are gathered there by leaf, and `grad` is left alone.
        """
        for step in self.backward_steps(dy, into):
            del step  # else it would keep these gradients while the next node is walked

    def accumulate(self, gradient) -> None:
        """Add a gradient, dense or rows, into the one buffer that this leaf keeps."""
        if self.grad is None:
            self.grad = np.zeros_like(self.data)
        if isinstance(gradient, RowGradient):
            gradient.add_to(self.grad)
        else:
            self.grad += gradient

    def zero_grad(self) -> None:
        """Clear the gradient in place; a leaf that never had one still has none."""
        if self.grad is not None:
            self.grad.fill(0)

    # -- notation ------------------------------------------------------------------------

    def __add__(self, other):
        return apply("add", self, other)

    def __radd__(self, other):
        return apply("add", other, self)

    def __sub__(self, other):
        return apply("subtract", self, other)

    def __rsub__(self, other):
        return apply("subtract", other, self)

    def __mul__(self, other):
        return apply("multiply", self, other)

    def __rmul__(self, other):
        return apply("multiply", other, self)

    def __truediv__(self, other):
        return apply("divide", self, other)

    def __rtruediv__(self, other):
        return apply("divide", other, self)

    def __pow__(self, p):
        return apply("power", self, p=p)

    def __neg__(self):
        return apply("multiply", self, -1)

    def __matmul__(self, other):
        return apply("matmul", self, other)

    def __rmatmul__(self, other):
        return apply("matmul", other, self)

    def __getitem__(self, key):
        return apply("index", self, key=key)

    def sum(self, axis=None, keepdims=False):
        return apply("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis=None, keepdims=False):
        return apply("mean", self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape):
        return apply("reshape", self, shape=_flat(shape))

    def transpose(self, *axes):
        return apply("transpose", self, axes=_flat(axes) or None)

    @property
    def T(self):
        return apply("transpose", self)


def apply(operation: Operation | str, *inputs, **options) -> Tensor:
    """Run an operation of the table, or one of your own, on tensors, arrays and numbers.

    Inputs that are not tensors are constants, and take the tensors' dtype; options are never
    differentiated. Raises DtypeError where tensors of two precisions meet.
    """
    if isinstance(operation, str):
        operation = TABLE[operation]
    for option, value in options.items():
        if isinstance(value, Tensor):
            raise TypeError(
                f"{operation.name}: {option} is a tensor; pass tensors by position, because "
                "options (passed by name) are never differentiated"
            )
    options = {option: _plain(value) for option, value in options.items()}
    dtype = _common_dtype(operation, inputs)
    arrays = tuple(
        value.data
        if isinstance(value, Tensor)
        else np.asarray(value, None if position in operation.integer_inputs else dtype)
        for position, value in enumerate(inputs)
    )
    y, node = run(operation, arrays, options, tuple(_parent(value) for value in inputs))
    result = Tensor(y)
    result.node = node
    result.requires_grad = node is not None
    return result


def summary(array: np.ndarray) -> str:
    """One line that tells an array: shape, dtype, values or range, mean, deviation, NaN.

    Example:
        >>> summary(np.arange(12.0).reshape(3, 4))
        '(3, 4) float64 0 to 11, mean 5.5, std 3.45'
    """
    text = f"{array.shape} {array.dtype}"
    if array.size <= 6:
        numbers = np.array2string(array, precision=4, separator=", ")
        return f"{text} {' '.join(numbers.split())}"
    finite = array[np.isfinite(array)]
    if finite.size:
        text += f" {finite.min():.4g} to {finite.max():.4g}"
        text += f", mean {finite.mean():.3g}, std {finite.std():.3g}"
    lost = array.size - finite.size
    return f"{text}, {lost} NaN or infinite" if lost else text


def _flat(sizes):
    """(2, 3) or ((2, 3),), as NumPy's methods take both."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes


def _plain(option):
    """A NumPy number as a Python one, which cannot turn float32 arrays into float64."""
    return (
        option.item()
        if isinstance(option, (np.generic, np.ndarray)) and option.ndim == 0
        else option
    )


def _parent(value):
    """What a node should point to for this input: its node, itself if a leaf, or nothing."""
    if not isinstance(value, Tensor) or not value.requires_grad:
        return None
    return value.node if value.node is not None else value


def _common_dtype(operation, inputs):
    """The dtype of the tensors among the inputs, or else of the arrays; complex wins."""
    dtypes = {value.data.dtype for value in inputs if isinstance(value, Tensor)}
    if len(dtypes) == 1:  # nearly always
        return dtypes.pop()
    if not dtypes:
        arrays = [value for value in inputs if isinstance(value, np.ndarray)]
        return np.result_type(np.float32, *(a.dtype for a in arrays if a.dtype.kind in "fc"))
    if len({dtype for dtype in dtypes if dtype.kind == "f"}) > 1:
        names = " and ".join(sorted(str(dtype) for dtype in dtypes))
        raise DtypeError(
            f"{operation.name}: the inputs have dtypes {names}; make them one with "
            "Tensor(x.data.astype(np.float32)), so that no precision changes unnoticed"
        )
    return max(dtypes, key=lambda dtype: dtype.kind == "c")


def _floating(data):
    array = np.asarray(data)
    if array.dtype.kind in "fc":
        is_array = isinstance(data, (np.ndarray, np.generic))
        return array if is_array else array.astype(np.float32)
    if isinstance(data, np.ndarray) or array.dtype.kind not in "iub":
        raise DtypeError(
            f"Tensor: data has dtype {array.dtype}, expected floating point; use "
            "data.astype(np.float32), and pass ids to operations as integer arrays"
        )
    return array.astype(np.float32)
