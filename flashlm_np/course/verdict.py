"""What the grader says of an exercise, and how it says it on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

TO_DO, WRONG, RIGHT = "to do", "wrong", "right"


class Trouble(Exception):
    """Something about a student's answer that ends its grading: what, and perhaps a hint.

    remark: what confirms it.
    to_do: it is not wrong, but not written.
    crashed: it gave no result to compare.
    """

    def __init__(self, what: str, hint: str = "", *, remark="", to_do=False, crashed=False):
        super().__init__(what)
        self.what, self.hint, self.remark = what, hint, remark
        self.to_do, self.crashed = to_do, crashed


@dataclass
class Verdict:
    """What became of one exercise.

    state: to do, wrong or right. crashed: wrong because no result came, but an exception or
    nothing in time. details: lines that explain. right: functions that are, of one to do.
    printed: what the student's code printed.
    """

    state: str
    details: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    crashed: bool = False
    printed: str = ""
    seconds: float = 0.0

    def record(self) -> dict:
        return asdict(self)

    @classmethod
    def of_record(cls, record: dict) -> Verdict:
        lists = {name: tuple(record[name]) for name in ("details", "right")}
        return cls(**record | lists)


def verdict_of(trouble: Trouble, inputs: Sequence[str] = ()) -> Verdict:
    """What to say of trouble; `inputs` are the lines that tell with which."""
    if trouble.to_do:
        return Verdict(TO_DO, (trouble.what,))
    hint = f"Hint: {trouble.hint}" if trouble.hint else ""
    lines = (trouble.what, *inputs, trouble.remark, hint)
    return Verdict(WRONG, tuple(line for line in lines if line), crashed=trouble.crashed)
