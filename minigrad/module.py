"""Modules: parameters with names, in a tree, and their state as a dictionary of arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .guards.states import problems
from .guards.writes import written
from .members import expect_trainable, members, set_training, walk
from .tensor import Tensor
from .tree import tree


class Parameter(Tensor):
    """A leaf tensor that is trained. Set requires_grad to False to freeze it."""

    __slots__ = ()
    is_parameter = True

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

    def __setattr__(self, name, value):
        # An array, or a computed tensor, in the place of a parameter would not be trained.
        expect_trainable(self, name, value, (Parameter, Module))
        super().__setattr__(name, value)

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
        return ((path, module) for path, module, _ in walk(self))

    def named_parameters(self, tied: bool = False) -> Iterator[tuple[str, Parameter]]:
        """Every (name, parameter): a tied one once, or with tied=True under each name."""
        seen: set[int] = set()  # by identity: a tied parameter is one object with two names
        # A module's own parameters come before those of its children. This order decides which
        # name of a tied parameter is the first.
        for path, _, parts in walk(self):
            for name, part in parts:
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
        lines = problems(own, state, ties=self.named_parameters(tied=True))
        if lines:
            raise StateError(
                f"load_state_dict: {type(self).__name__} does not fit this state:\n  "
                + "\n  ".join(lines)
            )
        for name, parameter in self.named_parameters(tied=True):
            parameter.data[...] = state[name]  # in place: optimizers share the array
            written(parameter, name)  # a graph that still needs the old values is told

    def __repr__(self):
        count = sum(p.size for p in self.parameters())
        return f"{type(self).__name__} with {count:,} parameters"

    def __str__(self):  # print(model)
        return tree(self)
