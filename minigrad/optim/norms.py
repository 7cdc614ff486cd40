"""Norms, squares and products of gradients that do not overflow.

float32 ends at 3.4e38, so the square of 1e20 is infinite. float16 ends at 65,504, so the square
of 300 is infinite. An infinite norm would clip nothing. An infinite average of squares would
stop the learning of a weight for ever, without a message.

A gradient is an array or a RowGradient: see gradients.py.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..ops import RowGradient
from .gradients import wide


def numbers(g: np.ndarray | RowGradient) -> np.ndarray:
    """The numbers of a gradient that may differ from 0, as one array."""
    return g.compact().rows if isinstance(g, RowGradient) else g


def expect_finite(where: str, name: str, g: np.ndarray | RowGradient) -> None:
    """Raise a FloatingPointError if the gradient g of `name` holds NaN or an infinity."""
    g = numbers(g)
    if math.isfinite(_sum_of_squares(g)):  # one fast pass, and then every number is finite
        return
    wrong = g[~np.isfinite(g)]
    if wrong.size:
        raise FloatingPointError(
            f"{where}: the gradient of {name} holds {wrong[0]}, and no parameter was changed; "
            "skip this step, or start again with a lower learning rate"
        )


def norm(gradients: Sequence[np.ndarray | RowGradient], parallel_map: Callable = map) -> float:
    """The Euclidean norm of all gradients as one vector. NaN or inf if they hold one."""
    arrays = [numbers(g) for g in gradients]
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


def scaled(g: np.ndarray | RowGradient, factor: float) -> np.ndarray | RowGradient:
    """g times the factor, which may be too small for the precision of g."""
    if isinstance(g, RowGradient):
        g = g.compact()  # the sums are scaled, as in the dense form, and not the parts
        return RowGradient(g.ids, scaled(g.rows, factor), g.shape)
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
