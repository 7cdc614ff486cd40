"""A probe: how a function is called, and how its results are named."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..verdict import Trouble
from .guard import Guard
from .inputs import Case

Functions = Mapping[str, Callable]


@dataclass(frozen=True)
class Probe:
    """One function on trial.

    call: (functions, inputs, guard) -> results by name. It tells the guard of what must not be
        written to, beside the inputs.
    says: how a result is named in a sentence; symbol: how it is named in a formula.
    changes: inputs that the function is to write to.
    causal: y at a position may not depend on later x; then dx not on earlier dy.
    """

    function: str
    cases: list[Case]
    call: Callable[[Functions, Case, Guard], dict[str, Any]]
    says: str = "result {}"
    symbol: str = "{}"
    changes: tuple[str, ...] = ()
    causal: bool = False

    @property
    def is_backward(self) -> bool:
        return self.symbol == "d{}"


def split(function: Callable, case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of a case a function gets by position, and what by keyword."""
    parameters = inspect.signature(function).parameters
    kinds = {name: parameters[name].kind for name in parameters if name in case}
    by_keyword = [
        name for name, kind in kinds.items() if kind is inspect.Parameter.KEYWORD_ONLY
    ]
    return (
        {name: case[name] for name in kinds if name not in by_keyword},
        {name: case[name] for name in by_keyword},
    )


def several(function: str, result: Any, names: list[str], hint: str = "") -> Any:
    """`result`, if it is a tuple of as many as there are names; else Trouble."""
    form = f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"
    if result is None:
        raise Trouble(f"{function}: returns None, expected {form}", "is the return missing?")
    if not isinstance(result, (tuple, list)):
        kind = "an array" if isinstance(result, np.ndarray) else f"a {type(result).__name__}"
        advice = f"return a tuple, even of one: {form}." if len(names) == 1 else hint
        raise Trouble(f"{function}: returns {kind}, expected the tuple {form}", advice)
    if len(result) != len(names):
        count = f"a tuple of {len(result)}"
        raise Trouble(f"{function}: returns {count}, expected {len(names)}: {form}", hint)
    return result
