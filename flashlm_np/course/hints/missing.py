"""Hints for a missing part: a sum, a factor, an option, dy, or a change in place."""

import inspect

import numpy as np

from minigrad.ops.elementwise import sum_to_shape

from ..comparing import close, is_float
from . import WrongResult


def missing_sum(wrong: WrongResult) -> str:
    """The shape is that of the broadcast array."""
    want, have = wrong.expected.shape, wrong.found.shape
    try:
        stretched = np.broadcast_shapes(want, have) == have
    except ValueError:
        return ""
    if not stretched or not close(wrong.expected, sum_to_shape(wrong.found, want)):
        return ""
    padded = (0,) * (len(have) - len(want)) + want
    axes = [axis for axis in range(len(have)) if padded[axis] != have[axis]]
    over = f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
    return (
        f"a sum over the broadcast axis is missing: {wrong.name} has shape {want} and was "
        f"stretched to {have}, so each element was used several times; sum over {over}."
    )


def extra_sum(wrong: WrongResult) -> str:
    last = wrong.expected.ndim - 1
    if last < 0 or not wrong.test.is_backward:
        return ""
    if not close(wrong.expected.sum(axis=-1), wrong.found):
        return ""
    return (
        f"axis {last} of {wrong.symbol} was summed too, and must stay: sum over all axes "
        "before it."
    )


def not_repeatable(wrong: WrongResult) -> str:
    """A second call gives something else."""
    if close(wrong.found, again := wrong.call(wrong.case)) or again is None:
        return ""
    return (
        f"a second call with the same inputs gives another {wrong.symbol}: use no random "
        "numbers, no counter, and no global variable."
    )


def not_in_place(wrong: WrongResult) -> str:
    name = wrong.name
    if name in wrong.test.changes and wrong.explained_by(lambda case, _: case[name]):
        return (
            f"{name} did not change. {name} = {name} - ... makes a new array that the caller "
            f"does not see; change it in place: {name} -= ..."
        )
    return ""


def dy_not_used(wrong: WrongResult) -> str:
    if "dy" not in wrong.case:
        return ""
    pairs = [
        (wrong.call(case), wrong.call(case | {"dy": 2 * case["dy"] + 1}))
        for case, _, _ in wrong.comparable()
    ]
    if pairs and all(close(one, two) for one, two in pairs):
        return (
            f"{wrong.symbol} does not change with dy. By the chain rule everything is "
            "multiplied by dy."
        )
    return ""


def option_not_used(wrong: WrongResult) -> str:
    """The results are those for the default value of one option, or of all."""
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(wrong.test.forward).parameters.items()
        if parameter.default is not parameter.empty
        and any(name in case for case, _, _ in wrong.rows)
    }
    for unused in ({name: value} for name, value in defaults.items() if name in wrong.case):
        if _ignores(wrong, unused):
            return _unused_text(wrong, unused)
    return _unused_text(wrong, defaults) if _ignores(wrong, defaults) else ""


def _ignores(wrong, defaults):
    return wrong.explained_by(lambda case, _: wrong.call(case | defaults, wrong.solution))


def _unused_text(wrong, unused):
    values = " and ".join(f"{name}={value!r}" for name, value in unused.items())
    names, verb = " and ".join(unused), "is" if len(unused) == 1 else "are"
    return f"{wrong.symbol} is the result for {values}: {names} {verb} not used, or not saved."


def factor(wrong: WrongResult) -> str:
    """A factor too few or too many, which is an input, y or 1 - y."""
    if not wrong.test.is_backward:
        return ""
    names = [name for name, value in wrong.case.items() if name != "dy" and is_float(value)]
    for name in (*names, "y", "1 - y"):
        rows = [(_value(wrong, case, name), w, h) for case, w, h in wrong.comparable()]
        if not all(is_float(value) and value.shape == want.shape for value, want, _ in rows):
            continue
        if all(close(want, have * value) for value, want, have in rows):
            return f"the factor {name} is missing in {wrong.symbol}."
        if all(close(want * value, have) for value, want, have in rows):
            return f"the factor {name} in {wrong.symbol} is one too many."
    return ""


def _value(wrong, case, name):
    """An input of this name, or y or 1 - y."""
    if name not in ("y", "1 - y"):
        return case.get(name)
    y, _ = wrong.test.run(wrong.test.forward, case)
    return y if name == "y" else 1 - y
