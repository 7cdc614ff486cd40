"""Modules: parameters with names, in a tree, and their state as a dictionary of arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .members import members, set_training, walk
from .tensor import Tensor
from .tree import tree
from .writes import written


class Parameter(Tensor):
    """A leaf tensor that is trained. Set requires_grad to False to freeze it."""

    __slots__ = ()

    def __init__(self, data, name: str | None = None):
        super().__init__(data, requires_grad=True, name=name)


class StateError(ValueError):
    """A state dict that does not fit the module; the message lists every problem."""


class Module:
    """A part of a model. Its attributes are Parameters, Modules, and lists or dicts of these.

    Names follow the attributes: `block.norms.0.scale`. A parameter with two names is tied: it
    is trained once, under its first name, and the state holds it under both. A Tensor that
    requires a gradient is a parameter, too, but a Parameter remains one while it is frozen.

    Example:
        >>> class Line(Module):
        ...     def __init__(self):
        ...         self.slope = Parameter([2.0])
        ...     def forward(self, x):
        ...         return x * self.slope
        >>> line = Line()
        >>> [name for name, _ in line.named_parameters()], line(Tensor([3.0])).item()
        (['slope'], 6.0)
    """

    training = True  # some modules, such as layers.Dropout, act only in training

    def forward(self, *inputs, **options):
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *inputs, **options):  # layer(x) is layer.forward(x)
        return self.forward(*inputs, **options)

    def train(self, mode: bool = True) -> Module:
        """Set `training` of this module and of all below it; returns this module."""
        set_training(self, mode)
        return self

    def eval(self) -> Module:
        """Prepare for evaluation: train(False)."""
        return self.train(False)

    # -- the tree ------------------------------------------------------------------------

    def named_members(self) -> Iterator[tuple[str, Parameter | Module]]:
        """The parameters and modules directly in this one."""
        return members(self, (Parameter, Module))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly in this one."""
        return ((name, part) for name, part in self.named_members() if isinstance(part, Module))

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """This module, under the name "", then each child with all modules in it."""
        return walk(self)

    def named_parameters(self, tied: bool = False) -> Iterator[tuple[str, Parameter]]:
        """Every (name, parameter): a tied one once, or with tied=True under each name."""
        seen: set[int] = set()  # by identity: a tied parameter is one object with two names
        # A module's own parameters come before those of its children. This order decides which
        # name of a tied parameter is the first.
        for path, module in self.named_modules():
            for name, part in module.named_members():
                if isinstance(part, Tensor) and (tied or id(part) not in seen):
                    seen.add(id(part))
                    yield f"{path}.{name}" if path else name, part

    def parameters(self) -> list[Parameter]:
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        for parameter in self.parameters():
            parameter.zero_grad()

    # -- the state -----------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """The parameters' own arrays by name, tied ones under each name; not copies."""
        # Both names of a tied parameter, because published checkpoints hold both.
        return {name: p.data for name, p in self.named_parameters(tied=True)}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Copy `state` into the parameters.

        Raises:
            StateError: something does not fit. Nothing was changed then.
        """
        own = self.state_dict()
        # All problems are collected before the first copy, so nothing is ever half loaded.
        problems = [f"missing: {name} {own[name].shape}" for name in own if name not in state]
        problems += [f"unexpected: {name}" for name in state if name not in own]
        problems += [
            f"wrong shape: {name} is {np.shape(state[name])}, expected {array.shape}"
            for name, array in own.items()
            if name in state and np.shape(state[name]) != array.shape
        ]
        problems += self._broken_ties(state)
        if problems:
            raise StateError(
                f"load_state_dict: {type(self).__name__} does not fit this state:\n  "
                + "\n  ".join(problems)
            )
        for name, parameter in self.named_parameters(tied=True):
            parameter.data[...] = state[name]  # in place: optimizers share the array
            written(parameter, name)  # a graph that still needs the old values is told

    def _broken_ties(self, state):
        first: dict[int, str] = {}
        for name, parameter in self.named_parameters(tied=True):
            other = first.setdefault(id(parameter), name)
            if name in state and other in state and other != name:
                a, b = np.asarray(state[name]), np.asarray(state[other])
                if a.shape == b.shape and not np.array_equal(a, b, equal_nan=True):
                    yield f"tied parameters differ: {other} and {name}"

    def __repr__(self):
        count = sum(p.size for p in self.parameters())
        return f"{type(self).__name__} with {count:,} parameters"

    def __str__(self):  # print(model)
        return tree(self)
