"""The sentences of the page: each step's text before (`before`) and after its result."""

import numpy as np

from ..ops import Operation
from .operation_docs import local_rule

MOST_INPUTS = 8  # that a sentence lists
START = {
    "before": "The backward pass begins at the loss.",
    "after": "When the loss changes by a small amount, it changes by just that amount: its "
    "gradient with respect to itself is 1.",
}


def forward_texts(
    operation: Operation, inputs: list[str], more: int, shape: tuple[int, ...]
) -> dict:
    """The texts of an operation that runs on inputs, each as `input_text` writes it.

    `more` inputs are only counted.
    """
    inputs = [*inputs, f"{more:,} more"] if more else inputs
    listed = " and ".join(filter(None, (", ".join(inputs[:-1]), inputs[-1])))
    return {
        "before": f"{operation.name} runs on {listed}.",
        "after": f"The result has shape {shape}.",
    }


def input_text(argument: str, label: str, shape: tuple[int, ...]) -> str:
    """Such as "a = x (2, 3)"; without the shape if the label shows it already."""
    known = str(shape) in label or (not shape and label[0] in "-0123456789")
    text = label if known else f"{label} {shape}"
    return text if text.startswith(f"{argument} (") else f"{argument} = {text}"


def edge_texts(operation: Operation, argument: str, result: str, target: str) -> dict:
    """The texts and the formula of a gradient that flows from a result to one input."""
    to = argument if argument == target else f"{argument}, which is {target}"
    return {
        "rule": local_rule(operation, argument),
        "before": f"The gradient of {result} is complete. The backward pass of "
        f"{operation.name} now computes a gradient for its input {to}.",
        "after": f"The local rule gives this edge's contribution to the gradient of {target}.",
    }


def sum_texts(target: str, wide: np.ndarray, gradient: np.ndarray) -> dict:
    """The texts of the sum over the copies of a broadcast input."""
    copies = wide.size // max(1, gradient.size)
    return {
        "rule": f"sum {wide.shape} to {gradient.shape}",
        "before": f"{target} {gradient.shape} was broadcast to {wide.shape}: each of its "
        f"numbers was used {copies} times.",
        "after": "Each use changes the loss, and the changes add up. So the gradient is summed "
        "over the axes along which the numbers were copied.",
    }


def arrival_text(label: str, count: int, of: int) -> str:
    """A remark on the contribution that arrives at a value as number `count` of `of`."""
    state = "complete" if count == of else "not complete until the other paths have arrived"
    text = f" This is path {count} of {of}: the gradient of {label} is {state}."
    if count == 1:
        return text
    return (
        " A contribution from another path is there already, so this one is added (+=): "
        f"{label} changes the loss along both paths.{text}"
    )
