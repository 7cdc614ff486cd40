"""A Tensor among the inputs of a function of NumPy: np.exp(x), np.where(c, x, 0), array @ x.

NumPy asks a Tensor before it computes. There are three answers:

    recorded   numpy_functions.OURS has the operation with the same meaning: a Tensor
    numbers    no tensor requires a gradient, or the result cannot have one (booleans, indices,
               shapes): NumPy computes with the tensors' arrays
    refused    all else: the result would be an array, and the gradient would be lost

source     NumPy's protocols: NEP 13 (__array_ufunc__) and NEP 18 (__array_function__)
"""

import inspect
from functools import cache

from . import functional as F
from .numpy_functions import OURS, WITHOUT_GRADIENT, WRITING
from .tensor import Tensor


def _call_ufunc(tensor, ufunc, method, *inputs, **options):
    """NumPy calls this for its functions that work element by element, and for @."""
    if method == "__call__" and not options and ufunc in OURS:  # the usual case
        return OURS[ufunc](*inputs)
    if method == "__call__":
        return _call(ufunc, f"np.{ufunc.__name__}", inputs, options)
    return _call(getattr(ufunc, method), f"np.{ufunc.__name__}.{method}", inputs, options)


def _call_function(tensor, function, types, inputs, options):
    """NumPy calls this for its other functions."""
    module = function.__module__.replace("numpy", "np")
    return _call(function, f"{module}.{function.__name__}", inputs, options)


_signature = cache(inspect.signature)  # it is slow

Tensor.__array_ufunc__ = _call_ufunc
Tensor.__array_function__ = _call_function


def _call(function, name, inputs, options):
    ours = OURS.get(function)
    if ours is not None and _takes(ours, inputs, options):
        return ours(*inputs, **options)
    tensors = _tensors_in([*inputs, *options.values()])
    if function not in WITHOUT_GRADIENT and any(x.requires_grad for x in tensors):
        raise TypeError(_sentence(name, function, options))
    is_first = function in WRITING or name.endswith(".at")
    if list(_tensors_in(inputs[:1] if is_first else options.get("out"))):
        raise TypeError(f"{name} would write into a tensor; pass its array, .data, to do so")
    return function(*_arrays_of(inputs), **_arrays_of(options))


def _takes(ours, inputs, options):
    try:
        _signature(ours).bind(*inputs, **options)
    except TypeError:  # such as out=, where=, dtype=
        return False
    return True


def _sentence(name, function, options):
    called = f"{name} with {', '.join(options)}" if options else name
    names = (getattr(OURS.get(function), "__name__", ""), function.__name__)
    ours = next((vars(F)[n] for n in names if n in vars(F)), None)
    advice = "compose it from minigrad.functional, or use"
    if ours is not None:
        parameters = ", ".join(_signature(ours).parameters)
        advice = f"use minigrad.functional.{ours.__name__}({parameters}), or"
    return f"{called} would lose the gradient of a tensor; {advice} .data for the numbers"


def _tensors_in(value):
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors_in(item)


def _arrays_of(value):
    if isinstance(value, Tensor):
        return value.data
    if isinstance(value, dict):
        return {name: _arrays_of(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_arrays_of(item) for item in value)
    return value
