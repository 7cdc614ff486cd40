"""A Tensor where Python or NumPy expects a number, an array, or a truth value.

    float(x)  int(x)  f"{x:.3f}"  bool(x)    as for an array: x must hold exactly one number
    x < 1   x == array   3.0 in x            booleans in a plain array
    x == other_tensor                        refused: `x in [tensors]` would ask it, too
    hash(x)                                  by identity: a key of a dict, a member of a set
    x // 2   x % 2   round(x)                as NumPy's functions: see numpy_dispatch.py
    np.asarray(x)                            the numbers, if x requires no gradient
    x[0] = 5    x -= 1 of a leaf             refused: no gradient would know of it

None of these is recorded. float(x) and .item() leave the gradient behind on purpose, so they
take any Tensor. NumPy calls float(x) for `array[i] = x`, too, if x has the shape ().
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator

import numpy as np

from .arrays import one_number
from .errors import GraphError


class Conversions:
    """The methods that Python and NumPy call; a Tensor inherits them."""

    __slots__ = ()
    is_parameter = False  # of the class: it stays a leaf while it requires no gradient
    __hash__ = object.__hash__  # Python removes it from a class that defines ==

    def item(self) -> float:
        """The number of a tensor that holds exactly one."""
        return one_number("item", self.data)

    def __float__(self):
        return float(one_number("float", self.data))

    def __int__(self):
        return int(one_number("int", self.data))

    def __bool__(self):
        return bool(one_number("bool", self.data, "with .data.any(), or ask `x is not None`"))

    def __format__(self, specification):  # f"{loss:.4f}"
        number = one_number("format", self.data) if specification else str(self)
        return format(number, specification)

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise TypeError(
                "NumPy would make an array of a tensor that requires a gradient, and lose the "
                "gradient; use .data for the numbers, or minigrad.functional, such as stack"
            )
        return np.array(self.data, dtype=dtype, copy=copy)

    # -- rows ----------------------------------------------------------------------------

    def __len__(self):
        if self.data.ndim == 0:
            raise TypeError("a tensor of shape () is one number, without rows; use .item()")
        return len(self.data)

    def __iter__(self) -> Iterator:
        return (self[i] for i in range(len(self)))  # rows are Tensors: gradients flow back

    def __contains__(self, number):
        return number in self.data

    def __setitem__(self, key, value):
        raise TypeError(
            "x[key] = value: a tensor cannot change, its gradient would not know of it; use "
            "functional.where(mask, value, x), or in a leaf x.data[key] = value"
        )

    # `x += y` of a leaf would only give the name x to a new tensor, and the leaf would stay.

    def __iadd__(self, other):
        return self._not_in_place("+")

    def __isub__(self, other):
        return self._not_in_place("-")

    def __imul__(self, other):
        return self._not_in_place("*")

    def __itruediv__(self, other):
        return self._not_in_place("/")

    def __ipow__(self, other):
        return self._not_in_place("**")

    def __imatmul__(self, other):
        return self._not_in_place("@")

    def _not_in_place(self, sign):
        if self.is_parameter or (self.requires_grad and self.node is None):
            raise GraphError(
                f"x {sign}= y: a leaf does not change by it, only the name x; write "
                f"x.data {sign}= ... for a step of training, or x = x {sign} y for a new tensor"
            )
        return NotImplemented  # Python computes x + y and gives it the name x

    # -- comparisons, and arithmetic without a useful derivative ---------------------------

    def __eq__(self, other):
        return np.equal(self.data, other) if _has_numbers("==", other) else NotImplemented

    def __ne__(self, other):
        return np.not_equal(self.data, other) if _has_numbers("!=", other) else NotImplemented

    def __lt__(self, other):
        return np.less(self.data, other)

    def __le__(self, other):
        return np.less_equal(self.data, other)

    def __gt__(self, other):
        return np.greater(self.data, other)

    def __ge__(self, other):
        return np.greater_equal(self.data, other)

    def __floordiv__(self, other):
        return np.floor_divide(self, other)

    def __rfloordiv__(self, other):
        return np.floor_divide(other, self)

    def __mod__(self, other):
        return np.remainder(self, other)

    def __rmod__(self, other):
        return np.remainder(other, self)

    def __round__(self, decimals=0):
        return np.round(self, decimals)


def _has_numbers(sign, other):
    """Whether `other` can be compared by numbers. Python compares the rest by identity."""
    if isinstance(other, Conversions):
        raise TypeError(
            f"x {sign} y: both are tensors; use x.data {sign} y.data for their numbers, or "
            "`x is y`; for `x in tensors`, which asks ==, use any(x is t for t in tensors)"
        )
    return isinstance(other, (numbers.Number, np.ndarray, np.generic, list, tuple))
