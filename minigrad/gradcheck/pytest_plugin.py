"""The checker in pytest: one line tests an operation over cases of every kind.

    from minigrad.gradcheck.pytest_plugin import gradient_test

    test_scale = gradient_test(scale, shapes={"x": (2, 3, 5), "w": (5,)})

    test_scale[both signs] PASSED
    test_scale[each element] PASSED
    ...                                        one test per case: see cases.py

The fixture `gradcheck` is the checker for tests of your own. Its failures are short, and an
undecided check fails, too, and says so. pytest finds it through pytest_minigrad.py.
"""

from collections.abc import Callable

import pytest

from ..ops import Operation
from . import gradcheck as check
from .answers import GradientError, InconclusiveError, Report
from .case_inputs import KINDS
from .cases import Shapes, gradient_cases

__all__ = ["checked", "gradient_test"]


def gradient_test(
    f: Operation | str | Callable | tuple[Callable, Callable],
    *,
    shapes: Shapes | list[Shapes],
    ids: dict[str, int] | None = None,
    domain: dict[str, tuple[float, float]] | None = None,
    options: dict | list[dict] | None = None,
    skip: dict[str, str] | None = None,
    tolerance: float | None = None,
    seed: int = 0,
) -> Callable:
    """A test function with one parameter per case; assign it to a name that begins with test_.

    Args:
        f, shapes, ids, domain, options, tolerance, seed: see gradient_cases.
        skip: the reason for each kind of case that f cannot have, as
            {"no element": "a mean of nothing has no value"}.
    """
    skip = skip or {}
    if unknown := set(skip) - set(KINDS):
        raise ValueError(f"gradient_test: skip names {sorted(unknown)}; the kinds are {KINDS}")
    cases = gradient_cases(
        f,
        shapes=shapes,
        ids=ids,
        domain=domain,
        options=options,
        tolerance=tolerance,
        seed=seed,
    )
    marks = {kind: pytest.mark.skip(reason=reason) for kind, reason in skip.items()}
    parameters = [
        pytest.param(case, id=case.name, marks=marks.get(case.kind, ())) for case in cases
    ]

    @pytest.mark.parametrize("case", parameters)
    def test(case):
        try:
            case.check()
            return
        except (GradientError, InconclusiveError) as error:
            message = _message(error)
        # Without a traceback: it would show the checker, and not the operation.
        pytest.fail(message, pytrace=False)

    return test


def checked(f, *inputs, **settings) -> Report:
    """gradcheck, with failures of pytest in place of its errors."""
    __tracebackhide__ = True
    try:
        return check(f, *inputs, **settings)
    except (GradientError, InconclusiveError) as error:
        message = _message(error)
    pytest.fail(message)


def _message(error):
    return f"undecided: {error}" if isinstance(error, InconclusiveError) else str(error)
