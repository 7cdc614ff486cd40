"""The test of one function: its test cases, and the call that gives its results by name.

The same call is made of the student's function and of the package's. The results are y of a
forward, a gradient per argument of a backward, and the changed arrays of an optimizer's update.
The tests of this folder hold templates; `with_numbers` makes the cases of them.
"""

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..blanks import tuple_text
from ..exercise import Failure
from ..inputs import Case
from ..locked import LockedArrays
from ..variants import Numbers

Functions = Mapping[str, Callable]  # the student's or the package's, by name


class FunctionTest:
    """The test of a function that returns its results.

    cases: the inputs of its calls; there are none before `with_numbers`.
    results: the names of the results.
    forward: the function that takes the inputs; of a backward it is the forward.
    result_text, symbol: formats for the name of a result in a sentence and in a formula.
    changes: the inputs that the function changes in place.
    in_turn: words about a call that overlaps with others.
    apart: the hint about a result that depends on one of them.
    hints: the hint about a wrong result, by its name.
    causes: the results among these whose hint explains other wrong results, too.
    asked: the results about which a question by hand may ask, if not about all.
    """

    result_text, symbol = "result {}", "{}"
    changes: tuple[str, ...] = ()
    in_turn = "after calls with other inputs"
    apart = (
        "the result depends on an earlier call: on a global variable, a counter, random "
        "numbers, or an array that is returned twice. Compute it from the arguments alone, in "
        "new arrays."
    )
    hints: ClassVar[dict[str, str]] = {}
    causes: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    is_backward = False

    cases: Sequence[Case] = ()

    def __init__(self, function: Callable, templates: Sequence[Case], *results: str):
        self.function = self.forward = function
        self.name, self.templates, self.results = function.__name__, templates, results

    def with_numbers(self, numbers: Numbers) -> "FunctionTest":
        """The same test with these numbers in its cases."""
        test = copy.copy(self)
        test.cases = [self.case(template, numbers) for template in self.templates]
        return test

    def case(self, template: Case, numbers: Numbers) -> Case:
        return numbers.fill(template)

    def call(self, functions: Functions, case: Case, locked: LockedArrays) -> dict[str, Any]:
        """The results by name, of the function with this name in `functions`."""
        result = self.run(functions[self.name], case)
        if len(self.results) == 1 and result is not None:
            return {self.results[0]: result}
        return dict(zip(self.results, as_tuple(self.name, result, self.results), strict=True))

    def results_of(self, functions: Functions, case: Case) -> dict[str, Any]:
        """The results of functions that need no watching, such as the package's."""
        locked = LockedArrays()
        return self.call(functions, locked.copies(case, self.changes), locked)

    def call_in_turn(
        self, functions: Functions, cases: Sequence[Case], locked: LockedArrays
    ) -> list[tuple[int, dict[str, Any]]]:
        """(number of a case, its results) of each call, when all calls overlap."""
        return list(enumerate(self.call(functions, case, locked) for case in cases))

    def run(self, function: Callable, case: Case) -> Any:
        """The result of `forward`, or of a function with its parameters."""
        arrays, options = split(self.forward, case)
        return function(*arrays.values(), **options)


class UpdateTest(FunctionTest):
    """The test of an optimizer's update, whose results are its state and the weights."""

    result_text = "{} after the step"
    changes = ("m", "v", "p")  # p comes last, because a wrong m makes p wrong too
    asked = ("p",)
    hints: ClassVar = {"the value returned": "the arrays change in place; return nothing."}

    def call(self, functions, case, locked):
        result = self.run(functions[self.name], case)
        return {name: case[name] for name in self.changes} | {"the value returned": result}


class ObjectTest(FunctionTest):
    """The test of a function that returns an object, whose fields are the results."""

    def __init__(self, function: Callable, templates: Sequence[Case], kind: type, *fields: str):
        super().__init__(function, templates, *fields)
        self.kind = kind

    def call(self, functions, case, locked):
        result = self.run(functions[self.name], case)
        if type(result) is not self.kind:
            found = "None" if result is None else f"a {type(result).__name__}"
            raise Failure(f"{self.name}: returns {found}, expected a {self.kind.__name__}")
        return {field: getattr(result, field) for field in self.results}


def split(function: Callable, case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """The positional and the keyword-only arguments of a function, from a case."""
    positional, keyword = {}, {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in case:
            only = parameter.kind is parameter.KEYWORD_ONLY
            (keyword if only else positional)[name] = case[name]
    return positional, keyword


def as_tuple(function: str, result: Any, names: Sequence[str], hint: str = "") -> Sequence[Any]:
    """`result`, if it is a tuple with one value per name.

    Raises:
        Failure: it is not.
    """
    expected = tuple_text(names)
    if result is None:
        raise Failure(
            f"{function}: returns None, expected {expected}", "is the return missing?"
        )
    if not isinstance(result, tuple):
        kind = "an array" if type(result) is np.ndarray else f"a {type(result).__name__}"
        advice = f"return a tuple, even of one: {expected}." if len(names) == 1 else hint
        if isinstance(result, list):
            advice = f"round brackets make a tuple: return {expected}."
        raise Failure(f"{function}: returns {kind}, expected the tuple {expected}", advice)
    if len(result) != len(names):
        found = f"a tuple of {len(result)}"
        raise Failure(f"{function}: returns {found}, expected {len(names)}: {expected}", hint)
    return result
