"""The gradients of the leaves in one backward pass: collected, then added, all or none.

`Tensor.backward` collects while it walks and changes no leaf. So after an exception, or Ctrl-C,
every gradient is as before. The sums are then added in one call of C code, which Python does
not interrupt. A lock lets several threads add to one leaf.

The gradients of a class of leaves with an `accumulate` of its own are not collected. It gets
each of them at once, also where `into` is given.
"""

import operator
from collections import deque
from collections.abc import Iterable, MutableMapping
from contextvars import ContextVar, copy_context
from functools import partial
from threading import RLock

import numpy as np

from ..errors import DtypeError, ShapeError
from ..ops import RowGradient
from .writes import gradient_written, label

ADDING = RLock()  # held while gradients are added to leaves
# Takes all items of an iterator and drops each before the next. It is C code: no Ctrl-C comes
# between two items that are made by C code, too.
take_all = deque(maxlen=0).extend
_collected: ContextVar["LeafGradients | None"] = ContextVar("collected", default=None)


def run_backward(steps: Iterable, into: MutableMapping | None) -> None:
    """Take all steps of a walk, then add what reached the leaves to them, or to `into`."""
    if not (into is None or isinstance(into, MutableMapping)):
        raise TypeError(
            f"backward: into is a {type(into).__name__}; pass a dict, which gets the gradient "
            "of each leaf under the leaf itself"
        )
    gradients = LeafGradients(into)
    # In a copied context the collection ends with the walk, wherever that is interrupted.
    copy_context().run(gradients.walk, steps)
    with ADDING:
        changes = gradients.changes()
        with np.errstate(all="ignore"):  # no warning may interrupt; infinities stay visible
            take_all(map(partial.__call__, changes))


def collect(leaf, gradient) -> bool:
    """Inside `run_backward`, keep the gradient for its end; else the leaf adds it: False."""
    gradients = _collected.get()
    if gradients is None:
        gradient_written(leaf)
        if isinstance(leaf.grad, RowGradient):  # the caller set it
            leaf.grad = leaf.grad.dense()
        return False
    gradients.add(leaf, gradient)
    return True


class LeafGradients:
    """For each leaf that a walk reached: the sum of its dense gradients, and a list of rows."""

    def __init__(self, into: MutableMapping | None):
        self.into = into
        self.sums: dict = {}
        self.own: set = set()  # leaves whose sum is an array of our own, which may be changed
        self.rows: dict = {}

    def walk(self, steps: Iterable) -> None:
        _collected.set(self)
        take_all(steps)

    def add(self, leaf, gradient) -> None:
        if not isinstance(gradient, RowGradient):
            gradient = np.asarray(gradient)  # a number or a list of an operation of the user's
        _expect_fit(leaf, gradient)
        if isinstance(gradient, RowGradient):
            self.rows.setdefault(leaf, []).append(gradient)
        elif leaf in self.own:
            self.sums[leaf] += gradient
        elif leaf in self.sums:
            self.sums[leaf] = self.sums[leaf] + gradient
            self.own.add(leaf)
        elif leaf.grad is None or self.into is not None:
            self._own(leaf, gradient)
        else:  # it is only read, because it may be the gradient of another tensor, too
            self.sums[leaf] = gradient

    def _own(self, leaf, gradient):
        """Keep a copy of the gradient, in the memory layout of the leaf."""
        self.sums[leaf] = np.empty_like(leaf.data)
        self.sums[leaf][...] = gradient
        self.own.add(leaf)

    def changes(self) -> list[partial]:
        """Calls of C functions that add the gradients to the leaves, or put them into the dict.

        All that can fail has happened before the first call.
        """
        leaves = {**self.sums, **self.rows}
        if self.into is None:
            return [change for leaf in leaves for change in self._changes_of(leaf)]
        new = {leaf: self._total(leaf) for leaf in leaves}
        for leaf in new.keys() & self.into.keys():
            _expect_fit(leaf, np.asarray(self.into[leaf]))
            new[leaf] += self.into[leaf]
        return [partial(self.into.update, new)]

    def _changes_of(self, leaf):
        grad = leaf.grad
        if not isinstance(grad, np.ndarray) or not grad.flags.writeable:
            total = self._total(leaf)
            if grad is not None:  # a number, rows, or an array that may not be changed
                grad = grad.dense() if isinstance(grad, RowGradient) else grad
                _expect_fit(leaf, np.asarray(grad))
                total = total + grad
            yield partial(setattr, leaf, "grad", np.asarray(total))
            return
        _expect_fit(leaf, grad)
        gradient_written(leaf)  # a graph that still needs the old gradient is told
        if leaf in self.rows:
            ids, rows = RowGradient.joined(self.rows[leaf]).summed()
            yield partial(operator.setitem, grad, ids, grad[ids] + rows)
        if leaf in self.sums:
            yield partial(operator.iadd, grad, self.sums[leaf])

    def _total(self, leaf):
        """The sum of all gradients of a leaf, in an array of its own."""
        if leaf not in self.own:
            self._own(leaf, self.sums.get(leaf, 0))
        total = self.sums[leaf]
        for gradient in self.rows.get(leaf, ()):
            gradient.add_to(total)
        return total


def _expect_fit(leaf, gradient):
    """Raise unless `gradient` can be added to an array like the leaf's."""
    like = leaf.data
    if gradient.shape != like.shape:
        raise ShapeError(
            f"backward: a gradient of {label(leaf)} has shape {gradient.shape}, "
            f"expected {like.shape}"
        )
    dtype = gradient.dtype
    if dtype != like.dtype and not np.can_cast(dtype, like.dtype, "same_kind"):
        raise DtypeError(
            f"backward: a gradient of {label(leaf)} has dtype {dtype}, expected {like.dtype}"
        )
