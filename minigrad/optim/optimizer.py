"""The base of all optimizers: the state of each parameter, the step, and the state's dict."""

from collections.abc import Iterator

import numpy as np

from ..errors import ShapeError, expect_number
from ..guards.writes import written
from ..ops import RowGradient
from .gradients import fitting_gradient, wide
from .loading import problems_of_state
from .norms import expect_finite
from .options import checked
from .parameters import Parameters, named


class Optimizer:
    """Named parameters, a learning rate, checked options, and arrays per parameter.

    A subclass defines `new_state(p)` and `update(p, g, state, t, lr)` on arrays. t counts the
    steps of that parameter from 1. State is made at a parameter's first step, so a parameter
    that is frozen at first starts with fresh state later. For weights in float16, the state and
    the update are in float32. But a step of less than 1/4096 of such a weight is rounded away.

    Args:
        parameters: a model, a tensor, a dict, or any iterable of tensors or of pairs
            (name, tensor): see parameters.py.
    """

    elementwise = False  # True if `update` treats each number by itself
    by_rows = False  # True if `update` takes a RowGradient, and treats each row by itself
    squares: tuple[str, ...] = ()  # the entries of the state that are never below 0
    step_numbers: tuple[str, ...] = ()  # those that hold steps, from 0 (none) to t
    decays_by_factor = True  # weight_decay makes p ← (1 - lr · weight_decay) p

    def __init__(self, parameters: Parameters, lr: float, **options):
        where = type(self).__name__
        self.parameters = named(where, parameters)
        self.shapes = {name: p.shape for name, p in self.parameters.items()}
        self.lr: float = checked(where, {"lr": lr})["lr"]
        self.options = checked(where, options)
        self.state: dict[str, dict[str, np.ndarray]] = {}
        self.steps: dict[str, int] = {}

    def new_state(self, p: np.ndarray) -> dict[str, np.ndarray]:
        return {}

    def update(self, p, g, state, t, lr) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def step(self, factor: float = 1.0) -> None:
        """Move every parameter that has a gradient and is not frozen, at rate lr · factor.

        Raises:
            FloatingPointError: a gradient holds NaN or an infinity; nothing is changed.
            ValueError: no parameter has a gradient, or the rate is impossible.
        """
        lr = self.rate(factor)
        gradients = self.gradients()
        for name, g in gradients.items():
            expect_finite(type(self).__name__, name, g)
        for p, g, state, t in self.ready(gradients):
            self.careful_update(p, g, state, t, lr)

    def zero_grad(self) -> None:
        """Clear the gradients of all parameters in place, as Module.zero_grad does."""
        for parameter in self.parameters.values():
            parameter.zero_grad()

    def rate(self, factor: float) -> float:
        """lr · factor, where factor is a schedule's."""
        where = type(self).__name__
        factor = expect_number(where, "factor", factor, least=0)
        lr = expect_number(where, "lr", self.lr, least=0) * factor
        lr = expect_number(where, "lr · factor", lr, least=0)
        decay = self.options.get("weight_decay", 0)
        if decay > 1 and lr * decay > 1 and self.decays_by_factor:
            raise ValueError(
                f"{where}: lr · weight_decay is {lr * decay}, expected at most 1, because each "
                "step multiplies the weights by 1 - lr · weight_decay"
            )
        return lr

    def gradients(self) -> dict[str, np.ndarray | RowGradient]:
        """The gradient of each parameter that takes a step, by name."""
        trained = {name: p for name, p in self.parameters.items() if p.requires_grad}
        moving = {name: p for name, p in trained.items() if p.grad is not None}
        where = type(self).__name__
        if trained and not moving:
            raise ValueError(
                f"{where}: no parameter has a gradient; call backward() before step(), on a "
                "loss that was computed from these parameters"
            )
        for name, p in moving.items():
            if p.shape != (shape := self.shapes[name]):
                raise ShapeError(
                    f"{where}: {name} has shape {p.shape}, and had {shape} when the optimizer "
                    "was made; make a new one"
                )
        return {n: fitting_gradient(where, n, p, self.by_rows) for n, p in moving.items()}

    def ready(self, gradients: dict) -> Iterator[tuple]:
        """Count a step of every parameter with a gradient; yields its p, g, state and t."""
        for name, g in gradients.items():
            p = self.parameters[name].data
            if name not in self.state:
                self.state[name] = self._new_state(p)
            self.steps[name] = self.steps.get(name, 0) + 1
            written(self.parameters[name], name)  # a graph that still needs p is told
            yield p, g, self.state[name], self.steps[name]

    def careful_update(self, p, g, state, t, lr) -> None:
        """`update`, in float32 where the weights are in float16."""
        wide_p = p.astype(wide(p.dtype), copy=False)
        self.update(wide_p, g, state, t, lr)
        if wide_p is not p:
            p[...] = wide_p

    def _new_state(self, p):
        return self.new_state(p.astype(wide(p.dtype), copy=False))

    # -- the state -----------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """NAME/ENTRY for each array of state, and NAME/t for each parameter's steps.

        A parameter that has taken no step has only NAME/t, which is 0.
        """
        arrays = {f"{n}/{entry}": a for n, s in self.state.items() for entry, a in s.items()}
        return arrays | {
            f"{name}/t": np.array(self.steps.get(name, 0)) for name in self.parameters
        }

    def load_state_dict(self, arrays: dict[str, np.ndarray]) -> None:
        """Continue from a state_dict.

        Raises:
            ValueError: the state does not fit; the message lists each problem.
        """
        states = {name: self._new_state(p.data) for name, p in self.parameters.items()}
        if lines := problems_of_state(states, arrays, self.squares, self.step_numbers):
            where = type(self).__name__
            raise ValueError(f"{where}: the state does not fit:\n  " + "\n  ".join(lines))
        steps = {name: int(arrays[f"{name}/t"]) for name in states}
        self.steps = {name: t for name, t in steps.items() if t}
        self.state = {name: states[name] for name in self.steps}
        for name, entries in self.state.items():
            for entry, array in entries.items():
                array[...] = arrays[f"{name}/{entry}"]
