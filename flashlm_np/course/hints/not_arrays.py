"""Hints for results of another type: numbers, lists, and arrays of a subclass."""

from numbers import Real

import numpy as np

from minigrad import Tensor
from minigrad.ops import RowGradient

from ..comparing import is_float
from . import WrongResult


def another_type(wrong: WrongResult) -> str:
    """How to make the expected type of the result found."""
    found = wrong.rows[0][2].get(wrong.name)
    if isinstance(wrong.expected, np.ndarray):
        return _for_an_array(wrong, found)
    is_number = isinstance(found, Real) or (isinstance(found, np.ndarray) and found.ndim == 0)
    if isinstance(wrong.expected, float) and is_number:
        return f"{wrong.symbol} must be a Python float: return float({wrong.symbol})."
    if isinstance(wrong.expected, tuple) and isinstance(found, list):
        return f"round brackets make a tuple: tuple({wrong.symbol})."
    return ""


def _for_an_array(wrong, found):
    symbol, shape = wrong.symbol, wrong.expected.shape
    if isinstance(found, np.generic):
        return f"one number is an array of shape (), too: np.asarray({symbol})."
    if isinstance(found, Real) and shape == ():
        kind = type(found).__name__
        return (
            f"{symbol} is a Python {kind}. The engine needs an array of shape (): "
            f"np.asarray({symbol}, {_dtype(wrong)})."
        )
    if isinstance(found, (list, tuple)):
        return (
            f"make an array of the {type(found).__name__}: np.array({symbol}, {_dtype(wrong)})."
        )
    advice = [text for kind, text in _ADVICE.items() if isinstance(found, kind)]
    return advice[0] if advice else ""


def _dtype(wrong):
    """The dtype of an input, as it is written in code."""
    names = [name for name, value in wrong.case.items() if is_float(value)]
    return f"{names[0]}.dtype" if names else str(wrong.expected.dtype)


_ADVICE = {
    np.ma.MaskedArray: "a masked array hides elements, and its sums leave them out. Set these "
    "elements to 0 with .filled(0), which gives a plain array.",
    np.matrix: "* is another product for np.matrix, and a matrix keeps two axes. Use arrays: "
    "np.asarray(a).",
    np.ndarray: "a subclass of np.ndarray may have other operators. Use a plain array: "
    "np.asarray(a).",
    Tensor: "operations take and return arrays; the engine makes Tensors of them. Use .data.",
    RowGradient: "only a gradient may be a RowGradient; .dense() makes an array of it.",
}
