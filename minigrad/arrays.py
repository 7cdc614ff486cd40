"""The arrays behind Tensors: their dtypes, and one line about their numbers."""

import numpy as np

from .errors import DtypeError, ShapeError

# float16, float32, float64, complex64 and complex128, in the byte order of the machine
FLOATING = frozenset(np.dtype(letter) for letter in "efdFD")
_KINDS_THAT_FIT = {"f": "fiub", "c": "cfiub"}  # of dtypes, by the kind that they become


def as_floating(data) -> np.ndarray:
    """A floating-point array as it is; numbers and lists as float32; nothing else.

    Big-endian arrays are copied into the machine's byte order. A np.matrix becomes an array.
    """
    if type(data) is np.ndarray and data.dtype in FLOATING:
        return data  # the usual case
    array = as_array("Tensor: data", data)
    dtype = array.dtype.newbyteorder("=")
    if hasattr(data, "__array__") and dtype in FLOATING:
        return array.astype(dtype, copy=False)
    if dtype.kind not in "iubfc":
        raise DtypeError(f"Tensor: data has dtype {dtype}, expected an array of numbers")
    if hasattr(data, "__array__"):
        raise DtypeError(
            f"Tensor: data has dtype {dtype}, expected float32, float64 or their like; use "
            "data.astype(np.float32), and pass ids to operations as integer arrays"
        )
    return array.astype(np.complex64 if dtype.kind == "c" else np.float32)  # numbers, lists


def as_constant(operation, position: int, value, dtype: np.dtype) -> np.ndarray:
    """An input that is not a Tensor as an array of `dtype`. Ids keep their integers.

    Raises:
        DtypeError: it is no number, or its mask or its imaginary part would be lost.
    """
    is_ids = position in operation.integer_inputs
    if type(value) is np.ndarray:
        array = value
    elif not is_ids and isinstance(value, (float, int)):
        return np.asarray(value, dtype)
    else:
        advice = "value.filled(0), and leave out what is masked" if is_ids else _FILL
        array = as_array(f"{operation.name}: input {position + 1}", value, advice)
    if is_ids:  # the operation checks their kind
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype != dtype and array.dtype.kind not in _KINDS_THAT_FIT[dtype.kind]:
        raise DtypeError(
            f"{operation.name}: input {position + 1} has dtype {array.dtype}, expected numbers "
            f"that can become {dtype}"
        )
    return array.astype(dtype, copy=False)


def as_gradient(dy, dtype: np.dtype) -> np.ndarray:
    """A copy of the gradient that a caller gives to backward: the caller's array stays."""
    array = as_array("backward: dy", dy)
    if array.dtype.kind not in _KINDS_THAT_FIT[dtype.kind]:
        raise DtypeError(
            f"backward: dy has dtype {array.dtype}, expected numbers that can become {dtype}"
        )
    return array.astype(dtype)


def one_number(
    where: str, array: np.ndarray, advice: str = "with .sum() or .mean(), or use .data"
) -> float:
    """The number of an array that holds exactly one."""
    if array.size != 1:
        raise ShapeError(
            f"{where}: this tensor has shape {array.shape}, expected one number; "
            f"reduce it {advice}"
        )
    return array.item()


_FILL = "value.filled(0.0), and give the mask to functional.masked_fill"


def as_array(where: str, value, advice: str = _FILL) -> np.ndarray:
    """A number, a list or an array as an array. `where` names it in a message."""
    items = value if isinstance(value, (list, tuple)) else [value]
    if any(hasattr(item, "filled") for item in items):  # a masked array, alone or in a list
        raise DtypeError(f"{where} has a mask, which would be lost; use {advice}")
    try:
        return np.asarray(value)
    except ValueError as error:  # a list with rows of different lengths
        raise ShapeError(f"{where} is no array of numbers: {error}") from None


def common_dtype(operation, tensors: list[np.ndarray], inputs) -> np.dtype:
    """The dtype of the tensors' arrays, or without a tensor of the arrays among the inputs.

    Raises:
        DtypeError: the tensors have two precisions. Complex numbers go with any precision.
    """
    dtypes = {array.dtype for array in tensors}
    if len(dtypes) == 1:  # the usual case
        return dtypes.pop()
    if not dtypes:
        arrays = [value for value in inputs if isinstance(value, np.ndarray)]
        return np.result_type(np.float32, *(a.dtype for a in arrays if a.dtype.kind in "fc"))
    # A tensor in the place of ids has no say, and the operation refuses it.
    ids = [v for i, v in enumerate(inputs) if i in operation.integer_inputs]
    ids = [getattr(value, "data", None) for value in ids]
    dtypes = {array.dtype for array in tensors if not any(array is other for other in ids)}
    if len({dtype for dtype in dtypes if dtype.kind == "f"}) > 1:
        names = " and ".join(sorted(str(dtype) for dtype in dtypes))
        raise DtypeError(
            f"{operation.name}: the inputs have dtypes {names}; make them one with "
            "Tensor(x.data.astype(np.float32)), so that no precision changes unnoticed"
        )
    return max(dtypes, key=lambda dtype: dtype.kind == "c")


def plain_number(value: object) -> object:
    """A NumPy number as a Python number: np.float64(2) * float32 array would be float64."""
    is_number = isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0
    return value.item() if is_number else value


def summary(array: np.ndarray) -> str:
    """One line about an array: shape, dtype, values or range, mean, deviation, NaN.

    Example:
        >>> summary(np.arange(12.0).reshape(3, 4))
        '(3, 4) float64 0 to 11, mean 5.5, std 3.45'
    """
    text = f"{array.shape} {array.dtype}"
    if array.size <= 6:
        numbers = np.array2string(array, precision=4, separator=", ")
        return f"{text} {' '.join(numbers.split())}"
    if array.dtype == bool:
        return f"{text} {array.sum():,} of {array.size:,} are true"
    finite = array[np.isfinite(array)]
    if finite.size:
        text += f" {finite.min():.4g} to {finite.max():.4g}"
        text += f", mean {finite.mean():.3g}, std {finite.std():.3g}"
    lost = array.size - finite.size
    return f"{text}, {lost} NaN or infinite" if lost else text
