"""Facts about an operation that only a checker needs: its surrogate and its kinks.

    surrogate   for an operation whose derivative is 0 almost everywhere: the smooth function
                whose gradient its backward returns. surrogate(*arrays, **options) gives a
                function of the arrays that equals the operation at these arrays.
    side        for an operation with kinks: side(*arrays, **options) gives the side of a kink
                on which each element lies (-1, 0 or 1). Between two inputs with different
                sides lies a kink.

They belong to the forward, so a copy of an operation with another backward keeps them.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import RLock, get_ident

import numpy as np

from ..ops import Operation
from ..ops.activations import relu_forward
from ..ops.ternary import (
    straight_through,
    ternary_linear_forward,
    ternary_weights_forward,
    weights_straight_through,
)

SURROGATES: dict[Callable, Callable] = {  # by the operation's forward
    ternary_linear_forward: straight_through,
    ternary_weights_forward: weights_straight_through,
}
SIDES: dict[Callable, Callable] = {  # by the operation's forward
    relu_forward: np.sign,
}


def declare(
    operation: Operation, *, surrogate: Callable | None = None, side: Callable | None = None
) -> Operation:
    """Declare the surrogate or the kinks of an operation of your own; returns the operation.

    Example:
        >>> rounded = Operation("rounded", lambda x: (np.round(x), ()), lambda dy, _: (dy,))
        >>> rounded = declare(rounded, surrogate=lambda x0: lambda x: np.round(x0) + (x - x0))
    """
    if surrogate is not None:
        SURROGATES[operation.forward] = surrogate
    if side is not None:
        SIDES[operation.forward] = side
    return operation


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
