"""Does a state, a dict of arrays that was loaded, fit the arrays that it is to be copied into?

Modules, optimizers and averages ask this before they change anything, so nothing is ever half
loaded. All problems are in one message.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from ..errors import named_kind


def problems(own: Mapping[str, np.ndarray], state, ties: Iterable = ()) -> list[str]:
    """One line for each array that is missing, unexpected, or cannot be copied into `own`.

    `ties` are pairs (name, object). Two names of one object must have one value.
    """
    if not isinstance(state, Mapping):
        return [f"it is {named_kind(state)}, expected a dict of arrays"]
    lines = [f"missing: {name} {own[name].shape}" for name in own if name not in state]
    lines += [f"unexpected: {name}" for name in state if name not in own]
    texts = {name: _problem(name, own[name], state[name]) for name in own if name in state}
    lines += [text for text in texts.values() if text]
    arrays = {name: np.asarray(state[name]) for name, text in texts.items() if not text}
    return lines + [f"tied parameters differ: {a} and {b}" for a, b in _broken(ties, arrays)]


def _broken(ties, arrays):
    """(first name, name) of each object whose values under both names differ."""
    first: dict[int, str] = {}
    for name, tied in ties:
        other = first.setdefault(id(tied), name)
        pair = [arrays[key] for key in (other, name) if key in arrays]
        if len(pair) == 2 and not np.array_equal(*pair, equal_nan=True):
            yield other, name


def _problem(name, own, value):
    if hasattr(value, "filled"):
        return f"masked: {name} has a mask, which would be lost; use .filled(0.0)"
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:  # a tensor with a gradient, a ragged list
        return f"no array: {name}: {error}"
    if array.shape != own.shape:
        return f"wrong shape: {name} is {array.shape}, expected {own.shape}"
    if not np.can_cast(array.dtype, own.dtype, "same_kind"):
        return f"wrong dtype: {name} is {array.dtype}, expected {own.dtype} or its like"
    if not own.flags.writeable:
        return f"read-only: {name} is to be changed, but is read-only; make it from a copy"
    return ""
