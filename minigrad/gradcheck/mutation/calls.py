"""One call of a backward, and the mistake that is planted into it.

The mistake is made on the level of arrays: the user's right backward runs, and then its result,
its dy or its saved values are changed. So it needs no knowledge of the formula.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import update_wrapper

import numpy as np

from ...ops import RowGradient
from .results import copy, dense, differ, items, like, packed
from .runs import RecordedForward, Run

NOTICED = 1e-4  # relative to the element: a smaller change is no mistake that a test must see
PIECES = 100  # parts of dy: see Call.contributions


class NotApplicable(Exception):
    """This mistake cannot be made in this call; the message says why."""


class Call:
    """One call of the backward. `gradients` are the right ones, None for integers."""

    def __init__(self, forward, backward, run, dy, saved, options):
        self.function, self.backward, self.run = forward, backward, run
        self.dy, self.saved, self.options = dy, saved, options
        self.forward = run.forward_of(np.shape(dy), saved)
        self.result = backward(copy(dy), *copy(saved), **copy(options))
        self.gradients = [dense(gradient) for gradient in items(self.result)]

    def again(self, dy=None, saved=None) -> list:
        """The gradients for another dy, or for other saved values."""
        dy, saved = self.dy if dy is None else dy, self.saved if saved is None else saved
        result = self.backward(copy(dy), *copy(saved), **copy(self.options))
        return [dense(gradient) for gradient in items(result)]

    def input(self, i: int) -> np.ndarray:
        """The input whose gradient is number i."""
        arrays = self.forward.arrays if self.forward else ()
        if i < len(arrays) and np.shape(arrays[i]) == self.gradients[i].shape:
            return np.asarray(arrays[i])
        raise NotApplicable("the inputs are not known: the test did not run the forward")

    def contributions(self, i: int, backwards: bool = False) -> Iterator[tuple]:
        """Split gradient i into a sum of contributions, each from a piece of dy.

        A backward is linear in dy. So dy is cut into pieces, and the backward of each piece
        gives the contribution of this piece. Yields (mask, contribution); mask is true where
        this piece contributes, even if its dy happens to be 0.
        """
        dy = np.asarray(self.dy)
        sample = np.where(dy == 0, np.random.default_rng(0).standard_normal(dy.shape), dy)
        pieces = np.array_split(np.arange(dy.size), min(dy.size, PIECES) or 1)
        for piece in reversed(pieces) if backwards else pieces:
            part, whole = np.zeros_like(dy), np.zeros_like(dy)
            part.flat[piece], whole.flat[piece] = dy.flat[piece], sample.flat[piece]
            contribution = self.again(part)[i]
            is_same = np.array_equal(part, whole)  # saves a second backward
            yield (contribution if is_same else self.again(whole)[i]) != 0, contribution

    def wrong_result(self, gradients) -> object:
        """The wrong gradients, in the form in which the user's backward returns its own."""
        self.run.applied, wrong = True, []
        for item, right, new in zip(items(self.result), self.gradients, gradients, strict=True):
            differs = differ(right, new, 0.0)
            # Equal rows stay a RowGradient with the user's own ids.
            is_same = new is right or (isinstance(item, RowGradient) and not differs)
            wrong.append(item if is_same else like(item, new))
            self.run.changed |= differs
            self.run.noticeable |= differ(right, new, NOTICED)
        return packed(self.result, wrong)


def planted(forward: Callable, backward: Callable, run: Run) -> tuple[Callable, Callable]:
    """The user's forward, recorded, and the user's backward with the mistake of `run`."""

    def planted_backward(dy, *saved, **options):
        run.calls += 1
        with np.errstate(all="ignore"):
            call = Call(forward, backward, run, dy, saved, options)
            run.names = max(run.names, _names(forward, call), key=len)
            if run.mistake is None:
                return backward(dy, *saved, **options)  # on the test's own arrays
            try:
                return call.wrong_result(run.mistake(call))
            except NotApplicable as reason:
                run.reason = run.reason or str(reason)
            except Exception as error:
                if "read-only" in str(error):
                    run.applied = run.changed = run.noticeable = True
                    raise  # the test protects the array: it has caught the mistake
                run.reason = run.reason or f"the backward cannot do it: {error}"
            return call.result

    return RecordedForward(forward, run), update_wrapper(planted_backward, backward)


def _names(forward, call):
    """The name of the input of each gradient; None for integers, which have no gradient."""
    if isinstance(call.result, dict):
        names = [str(name) for name in call.result]
    else:
        names = _positional_names(forward, len(call.gradients))
    pairs = zip(names, call.gradients, strict=True)
    return [None if gradient is None else name for name, gradient in pairs]


def _positional_names(function, count):
    names = []
    with suppress(ValueError):  # NumPy's own functions have no signature
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.VAR_POSITIONAL:
                names += [f"{parameter.name}[{k}]" for k in range(count)]
            elif parameter.kind is not parameter.KEYWORD_ONLY:
                names.append(parameter.name)
    return (names + [f"input {k}" for k in range(len(names), count)])[:count]
