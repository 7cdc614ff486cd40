"""NumPy's functions and the operations with the same meaning, for np.exp(x) of a Tensor x.

numpy_dispatch.py uses these tables. A call with parameters that ours do not have, such as out=
or dtype=, is not for ours.
"""

import numpy as np

from . import functional as F


def _dot(a, b):
    if 0 in (np.ndim(a), np.ndim(b)):
        return F.multiply(a, b)
    if np.ndim(a) > 1 and np.ndim(b) > 2:
        raise TypeError("np.dot: b has three axes or more; use minigrad.functional.einsum")
    return F.matmul(a, b)


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
    np.cumsum: lambda a, axis=None: F.cumulative_sum(
        a.reshape(-1) if axis is None else a, axis=axis or 0
    ),
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
# They write into their first argument.
WRITING = {np.copyto, np.put, np.put_along_axis, np.place, np.putmask, np.fill_diagonal}
