"""The outputs of a checked function: one Tensor or several, as one flat row."""

import numpy as np

from ..tensor import Tensor


def as_outputs(result: object) -> list[Tensor]:
    """The outputs of a function: one Tensor, or a tuple or list of Tensors."""
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    for output in outputs:
        if not isinstance(output, Tensor):
            raise TypeError(
                f"gradcheck: the function returned {type(output).__name__}, expected a Tensor "
                "or a tuple of Tensors"
            )
    return outputs


def flat(outputs: list[Tensor]) -> np.ndarray:
    """All outputs one after another, as one row."""
    rows = [output.data.reshape(-1) for output in outputs]
    return rows[0] if len(rows) == 1 else np.concatenate([np.zeros(0), *rows])


def walk_back(outputs: list[Tensor], dy: np.ndarray) -> None:
    """Give every leaf its gradient of Σ dy·y."""
    dys = np.split(dy, np.cumsum([y.size for y in outputs]))
    pairs = [(y, d.reshape(y.shape)) for y, d in zip(outputs, dys, strict=False)]
    pairs = [(y, d) for y, d in pairs if y.requires_grad]  # the others are constants
    if len(pairs) == 1 and pairs[0][0].node is not None:
        y, dy = pairs[0]
        y.backward(dy)
    elif pairs:  # one walk for all outputs, because they may share operations
        sum((y * d).sum() for y, d in pairs).backward()


def gradient_of(value: Tensor | np.ndarray) -> np.ndarray | None:
    """The gradient that a leaf received, or zeros; None for integers."""
    if not isinstance(value, Tensor):
        return None
    return np.zeros_like(value.data) if value.grad is None else value.grad
