"""The arrays behind Tensors: their dtypes, and one line about their numbers."""

import numpy as np

from .errors import DtypeError


def as_floating(data) -> np.ndarray:
    """A floating-point array as it is; numbers and lists as float32; nothing else."""
    array = np.asarray(data)
    is_floating = array.dtype.kind in "fc"
    if is_floating and isinstance(data, (np.ndarray, np.generic)):
        return array
    if isinstance(data, np.ndarray) or not (is_floating or array.dtype.kind in "iub"):
        raise DtypeError(
            f"Tensor: data has dtype {array.dtype}, expected floating point; use "
            "data.astype(np.float32), and pass ids to operations as integer arrays"
        )
    return array.astype(np.float32)


def common_dtype(operation: str, tensors: list[np.ndarray], inputs) -> np.dtype:
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
    if len({dtype for dtype in dtypes if dtype.kind == "f"}) > 1:
        names = " and ".join(sorted(str(dtype) for dtype in dtypes))
        raise DtypeError(
            f"{operation}: the inputs have dtypes {names}; make them one with "
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
    finite = array[np.isfinite(array)]
    if finite.size:
        text += f" {finite.min():.4g} to {finite.max():.4g}"
        text += f", mean {finite.mean():.3g}, std {finite.std():.3g}"
    lost = array.size - finite.size
    return f"{text}, {lost} NaN or infinite" if lost else text
