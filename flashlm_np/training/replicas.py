"""The parts of one batch, and the replicas of the model that workers run them on.

A replica shares the weight arrays of the model and collects gradients of its own, so that two
workers never add to the same array. The caller adds the gradients up in a fixed order, so that
a step repeats bit for bit.
"""

from collections.abc import Iterable
from copy import deepcopy

import numpy as np

from minigrad import Module, Parameter
from minigrad.engine import add_gradients
from minigrad.ops import RowGradient

from ..data.dataset import Batch


class SharedParameter(Parameter):
    """A parameter that shares its array with another and collects its own gradient.

    The first gradient is kept, not copied, and rows of a table stay rows.
    """

    __slots__ = ()

    def accumulate(self, gradient) -> None:
        self.grad = gradient if self.grad is None else add_gradients(self.grad, gradient)


def add_part(parameter: Parameter, gradient) -> None:
    """Add a replica's gradient to the model's. Rows stay rows until a dense gradient comes."""
    if isinstance(gradient, RowGradient) and not isinstance(parameter.grad, np.ndarray):
        before = [] if parameter.grad is None else [parameter.grad]
        parameter.grad = RowGradient.joined([*before, gradient])
    else:
        parameter.accumulate(gradient)


OWN = (Module, Parameter, list, dict)  # attributes of these types are copied, others shared


def replica(module: Module) -> Module:
    """A copy of a module for one worker: the same weight arrays, gradients of its own."""
    memo = {}  # by id, the object that deepcopy uses in place of a copy
    for _, part in module.named_modules():  # constants are shared: the layout of the words
        shared = [value for value in vars(part).values() if not isinstance(value, OWN)]
        memo |= {id(value): value for value in shared}
    for parameter in module.parameters():
        memo[id(parameter)] = shared = SharedParameter(parameter.data)
        shared.requires_grad = parameter.requires_grad
    return deepcopy(module, memo)


class Replica:
    """A replica of a model that is kept from step to step, because making one takes 2 ms."""

    def __init__(self, model: Module):
        self.originals, self.model = model.parameters(), replica(model)
        self.parameters = self.model.parameters()

    def begin(self) -> Module:
        """The replica without gradients, with the arrays that the model has now."""
        for own, original in zip(self.parameters, self.originals, strict=True):
            own.data, own.requires_grad = original.data, original.requires_grad
            own.grad = None
        return self.model


def windows_of(rows: slice, ids, targets, positions) -> tuple:
    """The windows `rows` of a batch, with those of its scored positions that lie in them.

    Returns their ids (B, T), flat positions (or None: all), and targets as one row (N,).
    """
    targets = targets[rows].reshape(-1)
    if positions is None:
        return ids[rows], None, targets
    here = positions_in(rows, positions, ids.shape[1])
    return ids[rows], here, targets[here]


def positions_in(rows: slice, positions: np.ndarray, T: int) -> np.ndarray:
    """Those flat positions that lie in the windows `rows` of T tokens, counted from there."""
    first, stop = rows.start * T, rows.stop * T
    return positions[(positions >= first) & (positions < stop)] - first


def merged(batches: Iterable[Batch]) -> Batch:
    """Micro-batches of one shape as one batch. Its mean loss is the mean of theirs."""
    ids, targets, positions = zip(*batches, strict=True)
    if positions[0] is not None:
        positions = [p + i * ids[0].size for i, p in enumerate(positions)]
        return np.concatenate(ids), np.concatenate(targets), np.concatenate(positions)
    return np.concatenate(ids), np.concatenate(targets), None
