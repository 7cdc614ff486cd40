"""Something that is not used: dy, an option, a factor; or a known wrong form."""

from __future__ import annotations

import inspect

import numpy as np

from ..comparing import close, dense
from ..evidence import is_float
from ..mistakes import MISTAKES
from ..probing.probe import split


def known(e):
    """One of the usual mistakes of this exercise."""
    for text, wrong in MISTAKES.get((e.probe.function, e.label), ()):
        if e.everywhere(lambda case, _, wrong=wrong: wrong(**case)):
            return text
    return ""


def in_place(e):
    """An array that was to be changed, and was not."""
    if e.label in e.probe.changes and e.everywhere(lambda case, _: case[e.label]):
        p = e.label
        return (
            f"{p} is as it was. {p} = {p} - ... makes a new array that nobody sees; "
            f"change it in place: {p} -= ..."
        )
    return ""


def exchanged(e):
    """What belongs to another input."""
    for other in e.pairs[0].expected:
        if other != e.label and all(
            close(dense(pair.expected.get(other)), dense(pair.found.get(e.label)))
            for pair in e.pairs
        ):
            return (
                f"this is {e.probe.symbol.format(other)}: the gradients are in the wrong order."
            )
    return ""


def dy_ignored(e):
    if "dy" not in e.case:
        return ""
    pairs = [
        (e.run(case), e.run(case | {"dy": 2 * case["dy"] + 1})) for case, _, _ in e.alike()
    ]
    if pairs and all(isinstance(one, np.ndarray) and close(one, two) for one, two in pairs):
        return (
            f"{e.symbol} is the same whatever dy is. By the chain rule everything is "
            "multiplied by dy."
        )
    return ""


def option_ignored(e):
    for name, parameter in inspect.signature(e.forward).parameters.items():
        if parameter.default is parameter.empty or name not in e.case:
            continue
        if e.everywhere(lambda case, _, name=name: e.run(_without(case, name), e.reference)):
            default = repr(parameter.default)
            return f"{e.symbol} is as if {name} were {default}: is it not used, or not saved?"
    return ""


def _without(case, name):
    return {key: value for key, value in case.items() if key != name}


def factor_missing(e):
    """A factor that is one of the inputs, or y, or 1 - y."""
    for name, of in _factors(e).items():
        triples = [(want, have, of(case)) for case, want, have in e.alike()]
        if not all(is_float(f) and f.shape == want.shape for want, _, f in triples):
            continue
        if all(close(want, have * factor) for want, have, factor in triples):
            return f"the factor {name} is missing in {e.symbol}."
        if all(close(want * factor, have) for want, have, factor in triples):
            return f"the factor {name} is one too many in {e.symbol}."
    return ""


def _factors(e):
    if not e.probe.is_backward:
        return {}

    def y(case):
        arrays, options = split(e.forward, case)
        return e.forward(*arrays.values(), **options)[0]

    names = [name for name, value in e.case.items() if name != "dy" and is_float(value)]
    inputs = {name: lambda case, name=name: case.get(name) for name in names}
    return inputs | {"y": y, "1 - y": lambda case: 1 - y(case)}
