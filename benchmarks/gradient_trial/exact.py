"""Numbers with 120 digits that record how they were computed.

NumPy runs a forward pass on arrays of such objects; derivatives.py walks back. Nothing here
comes from minigrad.
"""

import decimal
import itertools

import numpy as np

from gradient_trial.precise import PI, error_function, sine

ONE, TWO, ZERO = decimal.Decimal(1), decimal.Decimal(2), decimal.Decimal(0)
_numbers = itertools.count()


def of_two(method):
    """Let `method` take any number; leave arrays of numbers to NumPy."""

    def of_any(self, other):
        if isinstance(other, np.ndarray) and other.ndim:
            return NotImplemented
        return method(self, exact(other))

    return of_any


class Exact:
    """A decimal number, and its partial derivatives by the numbers it was computed from."""

    __slots__ = ("number", "parents", "value")

    def __init__(self, value, *parents):
        self.value, self.parents, self.number = value, parents, next(_numbers)

    @of_two
    def __add__(self, other):
        return Exact(self.value + other.value, (self, ONE), (other, ONE))

    @of_two
    def __sub__(self, other):
        return Exact(self.value - other.value, (self, ONE), (other, -ONE))

    @of_two
    def __rsub__(self, other):
        return other - self

    @of_two
    def __mul__(self, other):
        return Exact(self.value * other.value, (self, other.value), (other, self.value))

    @of_two
    def __truediv__(self, other):
        y = self.value / other.value
        return Exact(y, (self, ONE / other.value), (other, -y / other.value))

    @of_two
    def __rtruediv__(self, other):
        return other / self

    def __pow__(self, p):
        p = exact(p).value
        if p == 0:
            return exact(1)
        slope = p * (self.value ** (p - 1) if p != 1 else ONE)
        return Exact(self.value**p, (self, slope))

    def __neg__(self):
        return Exact(-self.value, (self, -ONE))

    def __abs__(self):
        return -self if self.value < 0 else self

    def __lt__(self, other):
        return self.value < exact(other).value

    def __le__(self, other):
        return self.value <= exact(other).value

    def __gt__(self, other):
        return self.value > exact(other).value

    def __ge__(self, other):
        return self.value >= exact(other).value

    def __eq__(self, other):
        return self.value == exact(other).value

    def __hash__(self):
        return self.number

    __radd__, __rmul__ = __add__, __mul__

    # NumPy's functions call these methods on arrays of objects.

    def exp(self):
        y = self.value.exp()
        return Exact(y, (self, y))

    def log(self):
        return Exact(self.value.ln(), (self, ONE / self.value))

    def sqrt(self):
        y = self.value.sqrt()
        return Exact(y, (self, ONE / (TWO * y)))

    def tanh(self):
        up, down = self.value.exp(), (-self.value).exp()
        if not (up.is_finite() and down.is_finite()):
            return exact(1 if self.value > 0 else -1)
        return Exact((up - down) / (up + down), (self, 4 / (up + down) ** 2))

    def expm1(self):
        return self.exp() - 1

    def log1p(self):
        return (self + 1).log()

    def sin(self):
        return Exact(sine(self.value), (self, sine(self.value + PI / 2)))

    def cos(self):
        return Exact(sine(self.value + PI / 2), (self, -sine(self.value)))

    def erf(self):
        slope = TWO / PI.sqrt() * (-self.value * self.value).exp()
        return Exact(error_function(self.value), (self, slope))

    def __floor__(self):
        return exact(self.value.to_integral_value("ROUND_FLOOR"))

    def rint(self):
        return exact(self.value.to_integral_value("ROUND_HALF_EVEN"))

    def conjugate(self):
        return self

    @property
    def real(self):
        return self


def exact(number):
    """An Exact number without parents; an Exact number as it is."""
    if isinstance(number, np.ndarray):
        number = number.item()
    if isinstance(number, Exact):
        return number
    return Exact(
        number if isinstance(number, decimal.Decimal) else decimal.Decimal(float(number))
    )


def exact_array(array):
    """The numbers of an array as Exact numbers of the same shape."""
    array = np.asarray(array)
    y = np.empty(array.shape, object)
    for index in np.ndindex(array.shape):
        y[index] = exact(array[index])
    return y
