"""Facts about an operation that only a checker needs.

    surrogate   for an operation whose derivative is 0 almost everywhere: the smooth function
                whose gradient its backward returns. surrogate(*arrays, **options) gives a
                function of the arrays that equals the operation at these arrays.
    side        for an operation with kinks: side(*arrays, **options) gives the side of a kink
                on which each element lies (-1, 0 or 1). Between two inputs with different
                sides lies a kink.
    analytic    whether the forward may be run with complex numbers, and then gives the value
                of the same formula: it uses no abs, max, conj or comparison of complex numbers
                (x.real may be compared). The operations of minigrad.ops are analytic.

They belong to the forward, so a copy of an operation with another backward keeps them.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import RLock, get_ident

import numpy as np

from ..ops import Operation
from ..ops.activations import relu_forward
from ..ops.bit_linear import bit_linear_forward
from ..ops.bit_linear import straight_through as bit_straight_through
from ..ops.max_min import max_forward, max_side, min_forward, min_side
from ..ops.piecewise import (
    abs_forward,
    clip_forward,
    clip_side,
    larger_side,
    maximum_forward,
    minimum_forward,
)
from ..ops.ternary import (
    straight_through,
    ternary_linear_forward,
    ternary_weights_forward,
    weights_straight_through,
)

SURROGATES: dict[Callable, Callable] = {  # by the operation's forward
    ternary_linear_forward: straight_through,
    ternary_weights_forward: weights_straight_through,
    bit_linear_forward: bit_straight_through,
}
SIDES: dict[Callable, Callable] = {  # by the operation's forward
    relu_forward: np.sign,
    abs_forward: np.sign,
    clip_forward: clip_side,
    maximum_forward: larger_side,
    minimum_forward: larger_side,
    max_forward: max_side,
    min_forward: min_side,
}
ANALYTIC: dict[Callable, bool] = {}  # by the forward of an operation from elsewhere


def declare(
    operation: Operation,
    *,
    surrogate: Callable | None = None,
    side: Callable | None = None,
    analytic: bool | None = None,
) -> Operation:
    """Declare facts about an operation of your own; returns the operation.

    Example:
        >>> rounded = Operation("rounded", lambda x: (np.round(x), ()), lambda dy, _: (dy,))
        >>> rounded = declare(rounded, surrogate=lambda x0: lambda x: np.round(x0) + (x - x0))
    """
    if surrogate is not None:
        SURROGATES[operation.forward] = surrogate
    if side is not None:
        SIDES[operation.forward] = side
    if analytic is not None:
        ANALYTIC[operation.forward] = bool(analytic)
    return operation


def is_analytic(operation: Operation) -> bool:
    """Whether the operation is known to allow a complex step."""
    module = getattr(operation.forward, "__module__", None) or ""
    return ANALYTIC.get(operation.forward, module.startswith("minigrad.ops."))


def forbids_complex(operation: Operation) -> bool:
    """Whether the operation was declared as not analytic."""
    return not ANALYTIC.get(operation.forward, True)


def side_of(operation: Operation, arrays, options: dict) -> np.ndarray:
    """The sides of the kinks on which the inputs lie.

    Raises:
        TypeError: the operation's `side` gives something else than -1, 0 and 1.
    """
    side = np.asarray(SIDES[operation.forward](*arrays, **options))
    if side.dtype.kind not in "if" or not np.isin(side[~np.isnan(side)], (-1, 0, 1)).all():
        found = "booleans" if side.dtype == bool else f"{side.dtype} such as {side.flat[0]}"
        raise TypeError(
            f"{operation.name}: side gives {found}, expected -1, 0 (on a kink) or 1 for each "
            "element, as np.sign gives"
        )
    return side


_lock = RLock()  # two checks that replace the same forward must take turns


@contextmanager
def replaced_forwards(operations: Iterable[Operation], replacement: Callable) -> Iterator[None]:
    """Inside, and in this thread, the operations run a replacement for their forwards."""
    with _lock:
        originals = {operation: operation.forward for operation in operations}
        try:
            for operation, forward in originals.items():
                choose = partial(_choose, get_ident(), replacement, forward)
                # An Operation is frozen. Only the checker changes one, and only for a moment.
                object.__setattr__(operation, "forward", choose)
            yield
        finally:
            for operation, forward in originals.items():
                object.__setattr__(operation, "forward", forward)


def _choose(thread, replacement, forward, *arrays, **options):
    """Run the replacement in its thread, and the forward in all others."""
    return (replacement if get_ident() == thread else forward)(*arrays, **options)
