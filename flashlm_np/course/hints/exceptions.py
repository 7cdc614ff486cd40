"""Hints for exceptions: an explanation that the message of the exception does not give."""

import inspect
from bdb import BdbQuit

from minigrad.engine import Node, backward_steps
from minigrad.errors import GraphError

from ..calling import Results
from ..function_tests import FunctionTest
from ..inputs import Case
from ..raised import text_of
from ..student import Answer
from . import places
from .places import Place
from .products import product_hint

_NOBODY_TYPES = "nobody types during a check: leave out input() and breakpoint()."
_OF_KINDS = {
    RecursionError: "the function calls itself without end.",
    MemoryError: "the inputs are small: look for a loop, a list or a shape that grows without "
    "end.",
    EOFError: _NOBODY_TYPES,
    BdbQuit: _NOBODY_TYPES,
}
_OF_WORDS = {
    "bitwise_xor": "a power is x ** 2; ^ is an operation on bits.",
    "truth value of an array": "if, and, or, max and min take one number; np.where, np.maximum "
    "and np.minimum take arrays.",
    "from dtype('O')": "one operand is no array of numbers. A RowGradient adds itself to an "
    "array: gradient.add_to(array).",
    "cross_entropy: y holds": "cross_entropy takes places among the logits of a row, from 0 "
    "on: y - starts[k] in the slice of the right class k, or the place of y among the "
    "candidates.",
    "converted to Python scalars": "this place takes one number, and got an array. NumPy's "
    "functions, such as np.sqrt, take arrays.",
}
_OF_SHAPES = ("shape", "mismatch", "dimension")  # words of NumPy's messages
_HIGHEST_NUMBER = "Of all nodes that wait, take the one with the highest number."
_DEEP = (
    "a graph may be deeper than Python's stack; use a loop and a list of the nodes that wait."
)


def exception_hint(
    error: BaseException, test: FunctionTest, answer: Answer, case: Case, expected: Results
) -> str:
    """An explanation of an exception of the student's function, or ""."""
    if test.function is backward_steps:
        return _engine_hint(error)
    text = text_of(error)
    hints = [hint for kind, hint in _OF_KINDS.items() if isinstance(error, kind)]
    hints += [hint for words, hint in _OF_WORDS.items() if words in text]
    if hints:
        return hints[0]
    file = answer.file or inspect.getsourcefile(answer.functions[test.name])
    place = Place.of(error, file)
    if isinstance(error, UnboundLocalError):
        return places.unassigned_hint(text)
    if isinstance(error, (NameError, AttributeError)):
        return _hidden_name(error, test, answer) or places.spelling_hint(error, place)
    if place and isinstance(error, TypeError) and "NoneType" in text:
        return places.none_hint(place)
    if place and isinstance(error, ValueError) and "to unpack" in text:
        return places.unpacking_hint(place, test, answer)
    if place and isinstance(error, ValueError) and any(word in text for word in _OF_SHAPES):
        return (
            places.matrix_hint(place)
            or product_hint(place.frame, place.line, test, expected)
            or places.shape_hint(place, case, text)
        )
    return ""


def _engine_hint(error):
    if isinstance(error, GraphError):
        cause = "a node was reached again after its backward, so its gradient was not complete."
        return f"{cause} {_HIGHEST_NUMBER}"
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], Node):
        cause = "a node was taken twice, or before its gradient came. Let each node wait once."
        return f"{cause} {_HIGHEST_NUMBER}"
    return _DEEP if isinstance(error, RecursionError) else ""


def _hidden_name(error, test, answer):
    """A backward does not see the variables of the forward."""
    forward = test.forward.__name__
    code = getattr(answer.functions[forward], "__code__", None)
    is_hidden = isinstance(error, NameError) and test.is_backward and code
    if not is_hidden or error.name not in code.co_varnames:
        return ""
    advice = "return it in saved there, and read it from saved."
    return f"{error.name} is a variable of {forward}: {advice}"
