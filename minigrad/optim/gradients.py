"""Gradients: do they fit, are they finite, and norms and squares that do not overflow.

float32 ends at 3.4e38, so the square of 1e20 is infinite. float16 ends at 65,504, so the square
of 300 is infinite. An infinite norm would clip nothing. An infinite average of squares would
stop the learning of a weight for ever, without a message.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..errors import ShapeError, named_kind
from ..tensor import Tensor

HALF, SINGLE = np.dtype(np.float16), np.dtype(np.float32)


def wide(dtype: np.dtype) -> np.dtype:
    """The precision to compute in: float32 for float16, else the same."""
    return SINGLE if dtype == HALF else dtype


def fitting_gradient(where: str, name: str, parameter: Tensor) -> np.ndarray:
    """The gradient in the precision of the update. Raises if it does not fit the tensor."""
    g = parameter.grad
    if not parameter.data.flags.writeable:
        raise ValueError(f"{where}: the array of {name} is read-only; make {name} from a copy")
    if not isinstance(g, np.ndarray) or g.dtype.kind not in "fiu" or hasattr(g, "filled"):
        raise TypeError(
            f"{where}: the gradient of {name} is {kind_of_gradient(g)}, expected an array of "
            "real numbers"
        )
    if g.shape != parameter.shape:
        raise ShapeError(
            f"{where}: the gradient of {name} has shape {g.shape}, expected {parameter.shape}"
        )
    if g.dtype == parameter.dtype and g.dtype != HALF:  # the usual case
        return g
    with np.errstate(over="ignore"):  # an infinite number is found by expect_finite
        return g.astype(wide(parameter.dtype), copy=False)


def kind_of_gradient(g) -> str:
    """A gradient that is none, for a message: an array of complex64, a list."""
    if hasattr(g, "filled"):
        return "an array with a mask"
    return f"an array of {g.dtype}" if isinstance(g, np.ndarray) else named_kind(g)


def expect_finite(where: str, name: str, g: np.ndarray) -> None:
    """Raise a FloatingPointError if the gradient g of `name` holds NaN or an infinity."""
    if math.isfinite(_sum_of_squares(g)):  # one fast pass, and then every number is finite
        return
    wrong = g[~np.isfinite(g)]
    if wrong.size:
        raise FloatingPointError(
            f"{where}: the gradient of {name} holds {wrong[0]}, and no parameter was changed; "
            "skip this step, or start again with a lower learning rate"
        )


def norm(arrays: Sequence[np.ndarray], parallel_map: Callable = map) -> float:
    """The Euclidean norm of all arrays as one vector. NaN or inf if they hold one."""
    squares = sum(parallel_map(_sum_of_squares, arrays))
    if 1e-20 < squares < math.inf:  # nothing overflowed, and nothing that counts became 0
        return math.sqrt(squares)
    # Divided by the largest number, all squares are at most 1, and float64 holds their sum.
    largest = float(np.max([0.0, *parallel_map(_largest, arrays)]))  # NaN, if there is one
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(sum(parallel_map(lambda g: _scaled_squares(g, largest), arrays)))


def _sum_of_squares(g):
    g = g.astype(wide(g.dtype), copy=False)
    return float(np.vdot(g, g))


def _largest(g):
    return np.max(np.abs(g), initial=0)


def _scaled_squares(g, largest):
    return float(np.square(g.astype(np.float64) / largest).sum())


def scaled(g: np.ndarray, factor: float) -> np.ndarray:
    """g times the factor, which may be too small for the precision of g."""
    # 1e-4 is normal in float16, too. A look into finfo takes longer than the product.
    if factor >= 1e-4 or factor >= np.finfo(g.dtype).smallest_normal:
        return g * factor
    return (g.astype(np.float64) * factor).astype(g.dtype)


def with_finite_squares(g: np.ndarray) -> np.ndarray:
    """g, with each number limited to the largest whose square is finite: 1.8e19 in float32."""
    if math.isfinite(_sum_of_squares(g)):
        return g
    limit = _largest_root(g)
    return np.clip(g, -limit, limit)


def with_finite_norm(g: np.ndarray) -> np.ndarray:
    """g, scaled down if the sum of its squares is infinite. The direction is kept."""
    if math.isfinite(_sum_of_squares(g)):
        return g
    return scaled(g, _largest_root(g) / norm([g]))


def _largest_root(g):
    return 0.99 * math.sqrt(np.finfo(g.dtype).max)  # 0.99, because a product is rounded
