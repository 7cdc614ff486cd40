"""Call a student's function: its results, or the failure and its line."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np

from .exercise import Failure
from .function_tests import FunctionTest
from .inputs import Case
from .locked import LockedArrays
from .raised import exception_failure, place_of, text_of
from .student import Answer

Results = dict[str, Any]  # by name

_NEW_ARRAY = (
    "inputs, dy and saved are read-only, because other code still needs them. Make a new array "
    "and write into that."
)


def call(test: FunctionTest, answer: Answer, case: Case) -> Results:
    """The results of one call.

    Raises:
        Failure: the function raises an exception, writes to an array that it must not write
            to, returns a view that is read-only, or changes something outside of itself.
    """
    locked = LockedArrays()
    inputs = locked.copies(case, test.changes)
    (result,) = _guarded(
        test, answer, case, locked, lambda f: [(0, test.call(f, inputs, locked))]
    )
    return result[1]


def call_in_turn(
    test: FunctionTest, answer: Answer, cases: Sequence[Case]
) -> list[tuple[int, Results]]:
    """(number of a case, its results) for each call, when the calls of all cases overlap.

    Raises:
        Failure: as for `call`.
    """
    locked = LockedArrays(apart=True)
    locked.situation, locked.hint = f" {test.in_turn}", test.apart
    inputs = [locked.copies(case, test.changes) for case in cases]
    try:
        return _guarded(
            test, answer, cases[0], locked, lambda f: test.call_in_turn(f, inputs, locked)
        )
    except Failure as failure:
        failure.inputs = {}  # it belongs to no single call
        raise


def _guarded(test, answer, case, locked, run: Callable) -> list[tuple[int, Results]]:
    surroundings = answer.surroundings
    try:
        with (
            surroundings.watched(test.name) if surroundings else np.errstate(all="ignore"),
            _filled_arrays(),
        ):
            results = run(answer.functions)
    except Failure:
        raise
    except BaseException as error:  # a student's code may raise KeyboardInterrupt, too
        if _is_write_error(error):
            raise _write_failure(test, answer, case, locked.names, error) from None
        failure = exception_failure(error, answer.file, test.name + locked.situation)
        failure.hint = locked.hint
        raise failure from error
    if written := locked.written():
        raise Failure(f"{test.name}: writes into {' and '.join(written)}", _NEW_ARRAY)
    for _, by_name in results:
        for name, value in by_name.items():
            _expect_own_elements(f"{test.name}, {test.result_text.format(name)}", value, locked)
    return results


@contextmanager
def _filled_arrays():
    """Fill the arrays of np.empty, whose memory may hold the right numbers by accident."""
    originals = {name: getattr(np, name) for name in ("empty", "empty_like")}
    for name, original in originals.items():
        setattr(np, name, _filling(original))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(np, name, original)


def _filling(make):
    @wraps(make)
    def filled(*arguments, **options):
        array = make(*arguments, **options)
        if array.dtype.kind in "fciu":
            array.fill(np.nan if array.dtype.kind in "fc" else 77)
        return array

    return filled


def _expect_own_elements(where, array, locked):
    """Raise if a write into the array would fail, or would change several elements."""
    if type(array) is not np.ndarray:
        return
    sizes = zip(array.strides, array.shape, strict=True)
    if any(stride == 0 and size > 1 for stride, size in sizes) and array.size:
        raise Failure(
            f"{where}: a view whose elements share memory",
            "np.broadcast_to copies nothing. Make an array of its own with .copy().",
        )
    if not array.flags.writeable and not locked.share_memory_with(array):
        raise Failure(
            f"{where}: a read-only array",
            "the caller may write into a result. Return a copy that can be written to.",
        )


# -- writes ------------------------------------------------------------------------------------


def _is_write_error(error):
    words = ("read-only", "set WRITEABLE flag")
    return isinstance(error, ValueError) and any(word in text_of(error) for word in words)


def _write_failure(test, answer, case, names, error):
    """Name the arrays that the function writes to, by locking one name at a time."""
    written = [name for name in names if _writes_to(test, answer, case, name)]
    place = place_of(error, answer.file, test.name)
    what = " and ".join(written) or "an array that is read-only"
    return Failure(f"{place}: writes into {what}", _NEW_ARRAY)


def _writes_to(test, answer, case, name):
    locked = LockedArrays(only=name)
    try:
        test.call(answer.functions, locked.copies(case, test.changes), locked)
    except BaseException as error:
        return _is_write_error(error)
    return bool(locked.written())
