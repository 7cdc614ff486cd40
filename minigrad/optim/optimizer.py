"""The base of all optimizers: the state of each parameter, the step, and the state's dict."""

from collections.abc import Iterable, Iterator

import numpy as np

from ..module import Parameter


class Optimizer:
    """Named parameters, a learning rate, and a small dict of arrays per parameter.

    A subclass defines `new_state(p)` and `update(p, g, state, t, lr)` on arrays. t counts the
    steps of that parameter from 1. State is made at a parameter's first step, so a parameter
    that is frozen at first starts with fresh state later.
    """

    def __init__(self, parameters: Iterable[tuple[str, Parameter]], lr: float):
        self.parameters = dict(parameters)
        if not lr >= 0:
            raise ValueError(f"{type(self).__name__}: lr is {lr}, expected 0 or more")
        self.lr = lr
        self.state: dict[str, dict[str, np.ndarray]] = {}
        self.steps: dict[str, int] = {}

    def new_state(self, p: np.ndarray) -> dict[str, np.ndarray]:
        return {}

    def update(self, p, g, state, t, lr) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def step(self, factor: float = 1.0) -> None:
        """Move every parameter that has a gradient and is not frozen, at rate lr · factor."""
        for p, g, state, t in self.ready():
            self.update(p, g, state, t, self.lr * factor)

    def ready(self) -> Iterator[tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], int]]:
        """Count a step of every parameter that takes one, and yield its p, g, state and t."""
        for name, parameter in self.parameters.items():
            if parameter.grad is None or not parameter.requires_grad:
                continue
            if name not in self.state:
                self.state[name] = self.new_state(parameter.data)
            self.steps[name] = self.steps.get(name, 0) + 1
            yield parameter.data, parameter.grad, self.state[name], self.steps[name]

    def state_dict(self) -> dict[str, np.ndarray]:
        """NAME/ENTRY for each array of state, and NAME/t for the number of steps."""
        arrays = {f"{n}/{entry}": a for n, s in self.state.items() for entry, a in s.items()}
        return arrays | {f"{name}/t": np.array(t) for name, t in self.steps.items()}

    def load_state_dict(self, arrays: dict[str, np.ndarray]) -> None:
        """Continue from a state_dict.

        Raises:
            ValueError: the state does not fit; the message lists each problem.
        """
        names = {key.rpartition("/")[0] for key in arrays}
        state = {n: self.new_state(p.data) for n, p in self.parameters.items() if n in names}
        shapes = {f"{n}/{entry}": a.shape for n, s in state.items() for entry, a in s.items()}
        shapes |= {f"{name}/t": () for name in state}
        problems = [f"unexpected: {key}" for key in arrays if key not in shapes]
        problems += [f"missing: {key}" for key in shapes if key not in arrays]
        problems += [
            f"wrong shape: {key} is {arrays[key].shape}, expected {shape}"
            for key, shape in shapes.items()
            if key in arrays and arrays[key].shape != shape
        ]
        if problems:
            raise ValueError(
                f"{type(self).__name__}: the state does not fit:\n  " + "\n  ".join(problems)
            )
        for name, entries in state.items():
            for entry, array in entries.items():
                array[...] = arrays[f"{name}/{entry}"]
        self.state = state
        self.steps = {name: int(arrays[f"{name}/t"]) for name in state}
