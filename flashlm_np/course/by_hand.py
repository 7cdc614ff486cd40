"""The answer to a question by hand: read it from the student's file, and check it.

The file is read, not run: the answer is a number, and no code that computes one.
"""

import ast

from .exercise import Failure
from .hints.mistakes import edited_functions, mistakes_of
from .question import BY_HAND, TOLERANCE, Question


def checked_number(question: Question, text: str) -> float | None:
    """The right answer in the text of a student's file, or None if it is still to do.

    Raises:
        Failure: the file has another question, no number, or a wrong one.
    """
    if question.text not in text.replace("\r\n", "\n"):
        raise Failure(
            f"the file lacks your question about {question.what}",
            "each student number has other questions. Delete the file, and let flashlm course "
            "start write it anew; write your own code, and keep the question.",
        )
    number = _number_in(text)
    if number is not None and not _near(number, question.answer):
        what = f"{BY_HAND}: {question.what} is not {number:g}"
        raise Failure(what, _hint(question, number))
    return number


def _number_in(text):
    """The number that a file assigns to BY_HAND, or None for three dots."""
    assignments = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    found = [node for node in assignments if ast.unparse(node.targets[0]) == BY_HAND]
    if not found:
        what = f"the file has no line {BY_HAND} = ..."
        raise Failure(what, "keep the question, and the line below it.")
    try:
        number = ast.literal_eval(found[-1].value)
    except ValueError:
        number = None
    if number is ...:
        return None
    if type(number) not in (int, float):
        what = f"line {found[-1].lineno}: {BY_HAND} is no number"
        raise Failure(what, "write one number in place of the dots, such as -1.25.")
    return float(number)


def _near(number, answer):
    return abs(number - answer) <= TOLERANCE * abs(answer)


def _hint(question, number):
    """The usual mistake that gives this number, or ""."""
    if _near(-number, question.answer):
        return "the sign is wrong."
    for hint, edits in mistakes_of(question.test.function):
        edited = edited_functions(question.test, edits)
        result = question.array(edited, question.case)
        if result.ndim == len(question.index) and _near(number, result[question.index]):
            return hint
    return ""
