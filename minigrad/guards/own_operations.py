"""Does an operation return what the engine needs? For operations that a user writes.

Those of the table are known to do so: gradcheck and the tests hold them to it. A wrong shape in
the middle of a graph would be hidden by the next operation's broadcasting.
"""

from ..errors import GraphError, ShapeError, named_kind
from ..ops import TABLE

NOT_A_PAIR = (
    "{}: forward does not return a pair; return y and the values that backward needs: "
    "`return y, (x,)`, or `return y, ()` if it needs none"
)


def is_in_table(operation) -> bool:
    """Whether this very operation stands in the table, not a copy with another function."""
    return TABLE.get(operation.name) is operation


def expect_pair(operation, result) -> tuple:
    """The pair (y, saved) that a forward returned."""
    if is_in_table(operation):
        return result
    name = operation.name
    if not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(NOT_A_PAIR.format(name))
    if not hasattr(result[0], "shape"):
        kind = named_kind(result[0])
        raise TypeError(f"{name}: forward returns a y that is {kind}, expected an array")
    return result


def expect_gradients(node, gradients) -> tuple:
    """The gradients that the backward of a node returned: one for each parent."""
    if is_in_table(node.operation):
        return gradients
    name, n = node.operation.name, len(node.parents)
    if not isinstance(gradients, (tuple, list)):
        raise TypeError(
            f"{name}: backward returns {named_kind(gradients)}, expected a tuple of one "
            "gradient for each input"
        )
    if len(gradients) != n:
        raise GraphError(
            f"{name}: backward returns {len(gradients)} gradients, expected one for each "
            f"of {n} inputs"
        )
    for i, (parent, gradient) in enumerate(zip(node.parents, gradients, strict=True)):
        # A leaf looks at its gradient itself, and a constant gets none.
        expected = parent.shape if isinstance(parent, type(node)) else None
        found = getattr(gradient, "shape", expected)
        if expected is not None and found != expected:
            raise ShapeError(
                f"{name}: backward returns a gradient of shape {found} for input {i + 1}, "
                f"expected the shape of the input, {expected}"
            )
    return gradients
