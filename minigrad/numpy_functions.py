"""NumPy's functions, called with a Tensor: np.exp(x), np.where(c, x, 0), array @ x.

NumPy asks a Tensor before it computes. There are three answers:

    recorded   OURS names the operation with the same meaning, and the result is a Tensor
    numbers    no tensor requires a gradient, or the result cannot have one (booleans, indices,
               shapes): NumPy computes with the tensors' arrays
    refused    all else: the result would be an array, and the gradient would be lost

source     NumPy's protocols: NEP 13 (__array_ufunc__) and NEP 18 (__array_function__)
"""

import inspect

import numpy as np

from . import functional as F
from .tensor import Tensor


def _dot(a, b):
    if 0 in (np.ndim(a), np.ndim(b)):
        return F.multiply(a, b)
    if np.ndim(a) > 1 and np.ndim(b) > 2:
        raise TypeError("np.dot: b has three axes or more; use minigrad.functional.einsum")
    return F.matmul(a, b)


# The parameters of NumPy that ours do not have, such as out= and dtype=, are left out.
OURS = {
    # element by element
    np.add: F.add,
    np.subtract: F.subtract,
    np.multiply: F.multiply,
    np.divide: F.divide,
    np.power: F.power,
    np.negative: lambda x: -x,
    np.positive: lambda x: x,
    np.square: lambda x: x * x,
    np.exp: F.exp,
    np.log: F.log,
    np.sqrt: F.sqrt,
    np.tanh: F.tanh,
    np.absolute: F.abs,
    np.maximum: F.maximum,
    np.minimum: F.minimum,
    np.clip: lambda a, a_min=None, a_max=None: F.clip(
        a, low=-np.inf if a_min is None else a_min, high=np.inf if a_max is None else a_max
    ),
    np.where: lambda condition, x, y: F.where(condition, x, y),
    # over axes
    np.sum: lambda a, axis=None, *, keepdims=False: F.sum(a, axis=axis, keepdims=keepdims),
    np.mean: lambda a, axis=None, *, keepdims=False: F.mean(a, axis=axis, keepdims=keepdims),
    np.max: lambda a, axis=None, *, keepdims=False: F.max(a, axis=axis, keepdims=keepdims),
    np.min: lambda a, axis=None, *, keepdims=False: F.min(a, axis=axis, keepdims=keepdims),
    np.var: lambda a, axis=None, *, ddof=0, keepdims=False: F.var(
        a, axis=axis, ddof=ddof, keepdims=keepdims
    ),
    np.std: lambda a, axis=None, *, ddof=0, keepdims=False: F.sqrt(
        F.var(a, axis=axis, ddof=ddof, keepdims=keepdims)
    ),
    np.cumsum: lambda a, axis: F.cumulative_sum(a, axis=axis),
    np.linalg.norm: lambda x, *, axis=None, keepdims=False: F.sqrt(
        F.sum(x * x, axis=axis, keepdims=keepdims)
    ),
    # shapes
    np.reshape: lambda a, shape: a.reshape(shape),
    np.ravel: lambda a: a.reshape(-1),
    np.squeeze: lambda a, axis=None: a.reshape(np.squeeze(a.data, axis).shape),
    np.expand_dims: lambda a, axis: a.reshape(np.expand_dims(a.data, axis).shape),
    np.transpose: lambda a, axes=None: F.transpose(a, axes=axes),
    np.concatenate: lambda arrays, axis=0: F.concatenate(*arrays, axis=axis),
    np.stack: lambda arrays, axis=0: F.stack(*arrays, axis=axis),
    np.split: lambda a, sections, axis=0: F.split(a, sections, axis=axis),
    # products
    np.matmul: F.matmul,
    np.dot: _dot,
    np.einsum: lambda subscripts, *operands: F.einsum(subscripts, *operands),
}
OURS |= {np.amax: OURS[np.max], np.amin: OURS[np.min]}  # their old names
# The results are booleans, indices, shapes, text or files, or do not depend on the numbers.
WITHOUT_GRADIENT = {
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.isnan, np.isinf, np.isfinite, np.signbit, np.isclose, np.allclose, np.array_equal),
    *(np.logical_not, np.logical_and, np.logical_or, np.any, np.all, np.count_nonzero),
    *(np.argmax, np.argmin, np.argsort, np.argpartition, np.nonzero, np.searchsorted),
    *(np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like),
    *(np.shares_memory, np.may_share_memory, np.result_type, np.iscomplexobj),
    *(np.array_repr, np.array_str, np.array2string, np.save, np.savez, np.savetxt),
}


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


Tensor.__array_ufunc__ = _call_ufunc
Tensor.__array_function__ = _call_function


def _call(function, name, inputs, options):
    ours = OURS.get(function)
    if ours is not None and _takes(ours, inputs, options):
        return ours(*inputs, **options)
    if list(_tensors_in(options.get("out"))):
        raise TypeError(f"{name}: out is a tensor; pass its array, out.data, to write into it")
    tensors = _tensors_in([*inputs, *options.values()])
    if function not in WITHOUT_GRADIENT and any(x.requires_grad for x in tensors):
        raise TypeError(_sentence(name, function, options))
    return function(*_arrays_of(inputs), **_arrays_of(options))


def _takes(ours, inputs, options):
    try:
        inspect.signature(ours).bind(*inputs, **options)
    except TypeError:  # such as out=, where=, dtype=
        return False
    return True


def _sentence(name, function, options):
    called = f"{name} with {', '.join(options)}" if options else name
    names = (getattr(OURS.get(function), "__name__", ""), function.__name__)
    ours = next((vars(F)[n] for n in names if n in vars(F)), None)
    advice = "compose it from minigrad.functional, or use"
    if ours is not None:
        parameters = ", ".join(inspect.signature(ours).parameters)
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
