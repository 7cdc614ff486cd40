"""Mutation: would your test notice a mistake in the backward?

A test of a backward pass can be too weak: a dy of ones, positive inputs, one row, or a
comparison that broadcasts. `mutate` plants the usual mistakes into your own backward, one at a
time, and runs your test on each. A test that passes with a mistake has missed it.

    caught           the test raised
    missed           a gradient was wrong, or an array was overwritten, and the test passed
    no effect        on the inputs of the test, the mistake changes nothing that matters
                     (less than 1e-4 of an element): the test lacks an input
    not applicable   the mistake cannot be made here; the reason says why

source   mutation testing: DeMillo, Lipton & Sayward 1978, "Hints on test data selection",
         Computer 11(4)
"""

import contextlib
import dataclasses
import io
import random
from collections.abc import Callable

import numpy as np

from ...ops import TABLE, Operation
from . import wrong_numbers, wrong_places, wrong_saved  # noqa: F401 (they fill MISTAKES)
from .calls import Run, planted
from .mistakes import MISTAKES
from .report import MutationReport, Planted

__all__ = ["MutationError", "MutationReport", "Planted", "mutate"]


class MutationError(ValueError):
    """The test cannot be judged: it fails without a mistake, or ignores the backward."""


def mutate(
    operation: Operation | str | tuple[Callable, Callable], test: Callable
) -> MutationReport:
    """Plant the usual mistakes into a backward, and say which of them `test` misses.

    Args:
        operation: an Operation, the name of one in the table, or a pair (forward, backward) of
            functions of arrays.
        test: your test. It is called with an Operation (for a pair: with a forward and a
            backward) and must raise if it finds a fault, as `assert` does. It runs once without
            a mistake and once with each.

    Raises:
        MutationError: the test fails without a mistake, never calls the backward, returns its
            answer instead of raising, or fails by chance.

    Example:
        >>> def test(op):
        ...     y, saved = op.forward(np.array([1.0, 2.0]))
        ...     (dx,) = op.backward(np.ones(2), saved)
        ...     assert np.allclose(dx, np.exp([1.0, 2.0]), rtol=0.01)
        >>> [str(planted) for planted in mutate("exp", test).missed][:1]
        ['one element is wrong by a thousandth (x)']
    """
    operation = TABLE.get(operation, operation) if isinstance(operation, str) else operation
    name, forward, backward = _parts(operation)
    run, error = _run(operation, forward, backward, test, None)
    _expect_usable(name, run, error)
    planted_ones = []
    for mistake in MISTAKES:
        positions = [k for k, argument in enumerate(run.names) if argument is not None]
        for i in positions if mistake.of_one_gradient else [None]:
            argument = None if i is None else run.names[i]
            outcome = _run(operation, forward, backward, test, mistake.at(i))
            planted_ones.append(_judged(name, mistake, argument, *outcome))
    return MutationReport(name, tuple(planted_ones))


def _parts(operation):
    if isinstance(operation, Operation):
        return operation.name, operation.forward, operation.backward
    if isinstance(operation, tuple) and len(operation) == 2 and all(map(callable, operation)):
        name = getattr(operation[0], "__name__", "forward").removesuffix("_forward")
        return name, *operation
    raise TypeError(
        f"mutate: operation is {operation!r}, expected an Operation, the name of one in "
        "minigrad.TABLE, or a pair (forward, backward) of functions"
    )


def _run(operation, forward, backward, test, mistake):
    """Run the test once; returns the Run, and the exception or None."""
    run = Run(mistake)
    functions = planted(forward, backward, run)
    if isinstance(operation, Operation):
        forward, backward = functions
        functions = (dataclasses.replace(operation, forward=forward, backward=backward),)
    legacy, plain = np.random.get_state(), random.getstate()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it would print once per mistake
            answer = test(*functions)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # pytest.fail raises no Exception
        return run, error
    finally:
        run.restore()
        # Every run sees the same random numbers, also from the generators of the process.
        np.random.set_state(legacy)
        random.setstate(plain)
    if isinstance(answer, (bool, np.bool_)):
        raise MutationError(
            f"mutate: the test returns {answer}; a test must raise if it finds a fault: "
            "use assert"
        )
    return run, None


def _expect_usable(name, run, error):
    """Refuse a test that says nothing about the backward."""
    if error is not None:
        raise MutationError(
            f"mutate: the test fails on {name} without any mistake "
            f"({type(error).__name__}: {_first_line(error)}); correct one of them first"
        ) from error
    if run.calls == 0:
        raise MutationError(
            f"mutate: the test never calls the backward of {name}; use the operation that the "
            "test is called with, and its backward"
        )
    if not any(run.names):
        raise MutationError(f"mutate: the backward of {name} returns no gradient")


def _judged(name, mistake, argument, run, error):
    """What the outcome of one run says about the test."""
    if error is not None and not run.changed:
        raise MutationError(
            f"mutate: the test of {name} fails by chance: it passed before, and failed when "
            f"nothing was changed ({type(error).__name__}: {_first_line(error)}); "
            "seed its random numbers"
        ) from error
    if error is not None:
        outcome, sentence = "caught", mistake.check
    elif not run.applied:
        outcome, sentence = "not applicable", run.reason
    elif run.noticeable:
        outcome, sentence = "missed", mistake.check
    else:
        outcome, sentence = "no effect", mistake.input
    return Planted(mistake.name, argument, outcome, sentence)


def _first_line(error):
    return str(error).partition("\n")[0] or "no message"
