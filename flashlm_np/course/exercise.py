"""An exercise, its grade, and the failure of a student's answer."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

from minigrad.ops import TABLE, Operation

TO_DO, WRONG, RIGHT = "to do", "wrong", "right"
MAX_REASON = 500  # characters; an exception's message may have millions


@dataclass(frozen=True, eq=False)
class Exercise:
    """Functions of one page of the package for a student to write; they are the solution.

    given: functions and classes that the student's file imports.
    constants: names of constants of the page that the student's file repeats.
    note: facts that the page does not state.
    own_operation: the operation, if minigrad's table has none of the exercise's name.
    """

    name: str
    functions: tuple[Callable, ...]
    about: str
    given: tuple[Callable, ...] = ()
    constants: tuple[str, ...] = ()
    note: str = ""
    own_operation: Operation | None = None
    number: int = 0

    @property
    def solution(self) -> dict[str, Callable]:
        """The functions by name; a method is a plain function in the student's file."""
        return {function.__name__: function for function in self.functions}

    @property
    def operation(self) -> Operation | None:
        """The operation whose forward and backward are the last two functions, if any."""
        return self.own_operation or TABLE.get(self.name)

    @property
    def page(self) -> ModuleType:
        """The module that defines the functions."""
        return sys.modules[self.functions[0].__module__]

    @property
    def label(self) -> str:
        return f"{self.number:02} {self.name}"

    @property
    def file_name(self) -> str:
        return f"{self.number:02}_{self.name}.py"


def to_do_text(names: Sequence[str]) -> str:
    return f"to do: {', '.join(names)}"


class Failure(Exception):
    """The reason why an answer is not right; it ends the grading of the exercise.

    remark: a second observation that confirms it.
    inputs: those of the call, if they are others than the test case's; {} to show none.
    to_do: the answer is not wrong but unfinished.
    crashed: the answer gave no result to compare.
    """

    def __init__(
        self, reason: str, hint="", *, remark="", inputs=None, to_do=False, crashed=False
    ):
        reason = reason if len(reason) <= MAX_REASON else f"{reason[:MAX_REASON]} ..."
        super().__init__(reason)
        self.reason, self.hint, self.remark, self.inputs = reason, hint, remark, inputs
        self.to_do, self.crashed = to_do, crashed


@dataclass
class Grade:
    """The result of one exercise.

    state: to do, wrong or right.
    details: lines that explain the state.
    right: the functions that are right, of an exercise that is to do.
    crashed: the answer is wrong because it raised an exception or took too long.
    printed: the output of the student's code.
    """

    state: str
    details: Sequence[str] = ()
    right: Sequence[str] = ()
    crashed: bool = False
    printed: str = ""
    seconds: float = 0.0

    @classmethod
    def of_failure(cls, failure: Failure, inputs: Sequence[str] = ()) -> "Grade":
        """The grade of a failure; `inputs` are lines that describe the inputs of the call."""
        if failure.to_do:
            return cls(TO_DO, (failure.reason,))
        hint = f"Hint: {failure.hint}" if failure.hint else ""
        lines = (failure.reason, *inputs, failure.remark, hint)
        return cls(WRONG, tuple(line for line in lines if line), crashed=failure.crashed)
