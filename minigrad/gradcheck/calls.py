"""The calls of operations while a checked function runs."""

import numpy as np

from .answers import KinkError
from .declarations import SIDES, SURROGATES, forbids_complex, is_analytic, side_of


class Calls:
    """Observes the operations: those with a surrogate, and the sides of those with kinks."""

    def __init__(self):
        self.operations, self.sides, self.with_surrogate = set(), [], []

    def forward(self, operation, arrays, options, y, node, seconds):
        self.operations.add(operation)
        if operation.forward in SURROGATES:
            self.with_surrogate.append((operation, arrays, options))
        is_complex = any(a.dtype.kind == "c" for a in arrays)  # it has no sides
        if operation.forward in SIDES and not is_complex:
            self.sides.append((operation, side_of(operation, arrays, options)))

    def backward(self, node, dy, gradients, seconds):
        pass

    def are_analytic(self) -> bool:
        """Whether all operations are known to allow a complex step."""
        return all(is_analytic(operation) for operation in self.operations)

    def allow_complex(self) -> bool:
        """Whether no operation is known not to."""
        return not any(forbids_complex(operation) for operation in self.operations)

    def expect_no_kink(self) -> None:
        """Raise a KinkError if an input lies on a declared kink."""
        for operation, side in self.sides:
            if (side == 0).any():
                index = tuple(int(i) for i in np.argwhere(side == 0)[0])
                raise KinkError(
                    f"{operation.name}: its input at index {index} lies on a kink, and there "
                    "is no derivative to compare with; move that input away from it"
                )
