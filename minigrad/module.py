"""Modules: parameters with names, in a tree, and their state as a dictionary of arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .tensor import Tensor


class Parameter(Tensor):
    """A leaf tensor that is trained. Set requires_grad to False to freeze it."""

    __slots__ = ()

    def __init__(self, data, name: str | None = None):
        super().__init__(data, requires_grad=True, name=name)


class StateError(ValueError):
    """A state dict that does not fit the module; the message lists every problem."""


class Module:
    """A part of a model. Its attributes are Parameters, Modules and lists of these.

    Names follow the attributes: `block.norms.0.scale`. A parameter with two names is tied: it
    is trained once, under its first name, and the state holds it under both.

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

    def forward(self, *inputs, **options):
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *inputs, **options):  # layer(x) is layer.forward(x)
        return self.forward(*inputs, **options)

    # -- the tree ------------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below this one."""
        return ((name, v) for name, v in self._members() if isinstance(v, Module))

    def named_parameters(self, tied: bool = False) -> Iterator[tuple[str, Parameter]]:
        """Every (name, parameter): a tied one once, or with tied=True under each name."""
        seen: set[int] = set()  # by identity: a tied parameter is one object with two names
        for name, parameter in self._all_parameters(""):
            if tied or id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def _all_parameters(self, prefix):
        # Own parameters first, then the children in the order of the attributes, each with all
        # below it: this order decides which name of a tied parameter is the first.
        for name, value in self._members():
            if isinstance(value, Parameter):
                yield prefix + name, value
        for name, child in self.named_children():
            yield from child._all_parameters(f"{prefix}{name}.")

    def _members(self):
        # vars() keeps the order in which __init__ set the attributes.
        return (member for item in vars(self).items() for member in _flattened(*item))

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
        for name, array in own.items():
            array[...] = state[name]  # in place: optimizers and tied names share the array

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


def _flattened(name, value):
    """(name, value), or for a list, however nested, name.0, name.1, ... and its items."""
    if not isinstance(value, (list, tuple)):
        yield name, value
        return
    for i, item in enumerate(value):
        yield from _flattened(f"{name}.{i}", item)
