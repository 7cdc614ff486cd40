"""Usual mistakes: an edit of the package's source that gives the same wrong result.

The tables hold, for each function, a hint and below it the edits:

    the gain w is missing.
        x * r * w  =>  x * r

An edit replaces each place where its left side stands in the function. For a backward it may
also stand in the forward, which returns the saved values.
"""

import re
import sys
import textwrap
from collections.abc import Callable

import numpy as np

from ..blanks import source_of
from ..function_tests import FunctionTest
from ..student import Answer
from . import WrongResult
from .mistakes_functions import MISTAKES as OF_FUNCTIONS
from .mistakes_heads import MISTAKES as OF_HEADS
from .mistakes_mixers import MISTAKES as OF_MIXERS
from .mistakes_operations import MISTAKES as OF_OPERATIONS

MISTAKES = OF_OPERATIONS | OF_FUNCTIONS | OF_HEADS | OF_MIXERS
Edits = list[tuple[str, str]]  # pairs of old and new text


def usual_mistake(wrong: WrongResult) -> str:
    """The hint of the first mistake that gives the wrong result on all inputs."""
    for hint, edits in mistakes_of(wrong.test.function):
        edited = edited_functions(wrong.test, edits)
        answer = Answer(wrong.solution.functions | edited)
        if edited and wrong.explained_by(lambda case, _, a=answer: wrong.call(case, a)):
            return hint
    return ""


def mistakes_of(function: Callable) -> list[tuple[str, Edits]]:
    """The hints and edits for a function."""
    text = textwrap.dedent(MISTAKES.get(function, ""))
    mistakes = re.findall(r"((?:\S.*\n)+)((?: .*\n)+)", text)  # lines of a hint, then edits
    return [(" ".join(hint.split()), _edits(lines)) for hint, lines in mistakes]


def _edits(lines):
    return [tuple(map(str.strip, line.split("=>"))) for line in lines.splitlines()]


def edited_functions(test: FunctionTest, edits: Edits) -> dict[str, Callable]:
    """The function of a test, and its forward, after edits; {} if the source has changed."""
    functions = dict.fromkeys([test.forward, test.function])
    source = "\n\n".join("\n".join(source_of(function)[0]) for function in functions)
    for old, new in edits:
        if old not in source:
            return {}
        source = source.replace(old, new)
    namespace = {"np": np} | vars(sys.modules[test.function.__module__])
    exec(source, namespace)
    return {function.__name__: namespace[function.__name__] for function in functions}
