"""Does a saved state fit an optimizer: names, shapes, kinds of numbers, and the numbers?"""

from collections.abc import Mapping

import numpy as np

from ..guards.states import problems


def problems_of_state(
    states: dict[str, dict], arrays, squares=(), step_numbers=()
) -> list[str]:
    """One line for each problem of `arrays`, which are to continue new `states`, by parameter.

    The entries named in `squares` are means of squares. Those in `step_numbers` are integers,
    each the number of a step that was taken, or 0.
    """
    steps = {f"{name}/t": np.array(0.0) for name in states}
    own = {
        f"{name}/{entry}": array
        for name, entries in states.items()
        if not _is_idle(arrays, f"{name}/t")
        for entry, array in entries.items()
    }
    lines = problems(own | steps, arrays)
    if not lines:
        lines += [text for key in steps for text in _wrong_steps(key, arrays[key])]
        lines += [text for key in own for text in _wrong_numbers(key, arrays[key], squares)]
    if not lines:
        keys = [key for key in own if key.rpartition("/")[2] in step_numbers]
        lines += [text for key in keys for text in _wrong_rows(key, arrays)]
    return lines


def _is_idle(arrays, key):
    """A parameter that has taken no step has only NAME/t, which is 0."""
    t = arrays.get(key) if isinstance(arrays, Mapping) else None
    return isinstance(t, (int, float, np.ndarray, np.generic)) and np.array_equal(t, 0)


def _wrong_steps(key, t):
    if not (0 <= t < np.inf and t == np.floor(t)):  # NaN is neither
        yield f"wrong: {key} is {t}, expected a number of steps"


def _wrong_numbers(key, array, squares):
    if not np.isfinite(array).all():
        yield f"wrong: {key} holds NaN or an infinity"
    elif key.rpartition("/")[2] in squares and np.min(array, initial=0) < 0:
        yield f"wrong: {key} is a mean of squares, and holds numbers below 0"


def _wrong_rows(key, arrays):
    t = int(arrays[f"{key.rpartition('/')[0]}/t"])
    last = np.ravel(arrays[key])
    wrong = last[(last < 0) | (last > t)]
    if wrong.size:
        yield f"wrong: {key} holds {wrong[0]}, expected steps from 0 to t, which is {t}"
