"""The rules that the checker holds every operation to while the backward pass runs."""

import inspect

import numpy as np

from ..tensor import Tensor


class GradientError(AssertionError):
    """A gradient that is not the derivative; the message names where, expected and found."""


class RulesObserver:
    """Raises unless gradients fit their inputs and nothing is overwritten.

    It sets the leaves' gradients aside and locks arrays; `restore` undoes both.
    """

    def __init__(self):
        self.inputs, self.leaves, self.locked = {}, {}, []

    def set_aside(self, leaf):
        """Take the leaf's gradient away until `restore`, and lock its data."""
        if id(leaf) not in self.leaves:
            self.leaves[id(leaf)] = leaf, leaf.grad, leaf.requires_grad
            leaf.grad = None
            self.lock(leaf.data)

    def lock(self, array):
        """Make an array read-only until `restore`; other values pass."""
        if isinstance(array, np.ndarray) and array.flags.writeable:
            array.flags.writeable = False
            self.locked.append(array)

    def restore(self):
        for leaf, grad, requires_grad in self.leaves.values():
            leaf.grad, leaf.requires_grad = grad, requires_grad
        # Owners first: a view cannot be unlocked before its owner.
        for array in sorted(self.locked, key=lambda array: array.base is not None):
            array.flags.writeable = True

    def forward(self, operation, arrays, options, y, node, seconds):
        if node is not None:
            self.inputs[node] = [(a.shape, a.dtype) for a in arrays]
            for parent in node.parents:
                if isinstance(parent, Tensor):
                    self.set_aside(parent)
            saved = node.saved if isinstance(node.saved, (tuple, list)) else (node.saved,)
            for value in (*arrays, y, *saved):
                self.lock(value)

    def backward(self, node, dy, gradients, seconds):
        if node not in self.inputs:
            return  # recorded before the check began
        name, inputs = node.operation.name, self.inputs.pop(node)
        if len(gradients) != len(inputs):
            raise GradientError(
                f"{name}: backward returns {len(gradients)} gradients, expected {len(inputs)}, "
                "one per input (None for integers)"
            )
        names = argument_names(node.operation.forward, len(inputs))
        for argument, gradient, (shape, dtype) in zip(names, gradients, inputs, strict=True):
            if gradient is not None and (gradient.shape, gradient.dtype) != (shape, dtype):
                raise GradientError(
                    f"{name}: the gradient of {argument} has shape {gradient.shape} and dtype "
                    f"{gradient.dtype}, expected {shape} and {dtype}"
                )


def argument_names(function, count):
    """The names of the first `count` inputs of a function, `name[i]` for those of *name."""
    names = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return names + [f"{parameter.name}[{i}]" for i in range(count - len(names))]
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    if len(names) < count:
        raise TypeError(f"gradcheck: f takes {len(names)} inputs {names}, {count} were given")
    return names[:count]
