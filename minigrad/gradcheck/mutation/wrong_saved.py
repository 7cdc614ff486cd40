"""Mistakes with dy and with saved values: another's, a transposed one, or a write into them."""

import inspect

import numpy as np

from .calls import NotApplicable
from .mistakes import of_the_backward
from .results import arrays_in, exchanged, items


@of_the_backward(
    "dy is not used: ones",
    check="Use a random dy and compare the numbers.",
    input="Use a random dy: ones give the same gradients as yours.",
)
def _(call):
    return call.again(dy=np.ones_like(call.dy))


@of_the_backward(
    "the gradients are in the wrong order",
    check="Compare each gradient with its own input's.",
    input="Use inputs whose gradients differ.",
)
def _(call):
    places = [k for k, gradient in enumerate(call.gradients) if gradient is not None]
    if len(places) < 2:
        raise NotApplicable("there is one gradient only")
    wrong = list(call.gradients)
    for place, other in zip(places, reversed(places), strict=True):
        wrong[place] = np.array(call.gradients[other])
    return wrong


TWICE = "Run two forwards with different inputs, then their backwards, and compare both."


def _saved_by(call, forwards):
    """The gradients from the saved values of another forward with inputs of the same shapes."""
    if call.forward is None or not call.saved or call.forward.saved is not call.saved[0]:
        raise NotApplicable("the backward does not get the saved values of the forward")
    if call.saved[0] is None or (isinstance(call.saved[0], tuple) and not call.saved[0]):
        raise NotApplicable("nothing is saved")
    shapes = [np.shape(a) for a in call.forward.arrays]
    same = [f for f in forwards if [np.shape(a) for a in f.arrays] == shapes]
    return call.again(saved=(same[0].saved, *call.saved[1:]))


@of_the_backward("the saved values of the first forward", check=TWICE, input=TWICE)
def _(call):
    return _saved_by(call, call.run.forwards)


@of_the_backward("the saved values of the latest forward", check=TWICE, input=TWICE)
def _(call):
    return _saved_by(call, call.run.forwards[::-1])


@of_the_backward(
    "input and output exchanged in what is saved",
    check="Compare the numbers where the output differs from the input.",
    input="Use inputs that differ from the outputs.",
)
def _(call):
    made = call.forward
    inputs = [a for a in made.arrays if np.shape(a) == np.shape(made.y)] if made else []
    for array in arrays_in(call.saved):
        is_output = inputs and _equal(array, made.y) and not _equal(array, inputs[0])
        is_input = inputs and any(_equal(array, a) for a in inputs)
        if is_output or is_input:
            other = inputs[0] if is_output else np.asarray(made.y)
            return call.again(saved=exchanged(call.saved, array, other))
    raise NotApplicable("no saved array is the output, or an input of its shape")


@of_the_backward(
    "a saved square matrix is transposed",
    check="Compare the numbers for a matrix that is not symmetric.",
    input="Use a square matrix that is not symmetric.",
)
def _(call):
    for array in arrays_in(call.saved):
        if array.ndim >= 2 and array.shape[-1] == array.shape[-2] > 1:
            other = np.swapaxes(array, -1, -2).copy()
            return call.again(saved=exchanged(call.saved, array, other))
    raise NotApplicable("no square matrix is saved; if it is a matrix product, test 3 by 3")


@of_the_backward(
    "the options are forgotten",
    check="Use an option that differs from its default, and compare the numbers.",
    input="Use an option that differs from its default.",
)
def _(call):
    given = call.forward.options if call.forward else {}
    parameters = inspect.signature(call.function).parameters.values()
    # A default of None without a name is an input that may be missing, such as a bias.
    optional = [p for p in parameters if p.kind is p.KEYWORD_ONLY or p.default is not None]
    if not any(p.default is not p.empty for p in optional):
        raise NotApplicable("the forward has no option with a default")
    if not given:
        return call.gradients
    if call.forward.saved is not call.saved[0]:
        raise NotApplicable("the backward does not get the saved values of the forward")
    _, saved = call.function(*call.forward.arrays)  # with the defaults
    return call.again(saved=(saved, *call.saved[1:]))


@of_the_backward(
    "NaN becomes 0",
    check="Expect NaN in the gradient where dy is NaN.",
    input="Put a NaN into dy, and expect NaN in the gradient.",
)
def _(call):
    return [None if g is None else np.where(np.isnan(g), 0, g) for g in call.gradients]


@of_the_backward(
    "writes into dy",
    check="Lock dy before the backward (dy.flags.writeable = False), or compare with a copy.",
)
def _(call):
    if not isinstance(call.dy, np.ndarray):
        raise NotApplicable("dy is a number, not an array")
    call.run.write(call.dy, 2 * call.dy + 1)
    return call.gradients


@of_the_backward(
    "writes into a saved array",
    check="Lock inputs and saved arrays, or call the backward twice and compare.",
)
def _(call):
    array = next((a for a in arrays_in(call.saved) if a.dtype.kind == "f" and a.size), None)
    if array is None:
        raise NotApplicable("no array of numbers is saved")
    call.run.write(array, 2 * array + 1)
    return call.gradients


@of_the_backward(
    "returns the same buffers in each call",
    check="Call the backward twice with different dy; the first result must stay as it was.",
    input="Call the backward twice with different dy; the first result must stay as it was.",
)
def _(call):
    pairs = list(zip(call.gradients, items(call.result), strict=True))
    if not any(isinstance(item, np.ndarray) for _, item in pairs):
        raise NotApplicable("it returns no array, but rows or a number")
    return [
        _in_buffer(call.run, i, g) if isinstance(item, np.ndarray) else g
        for i, (g, item) in enumerate(pairs)
    ]


def _in_buffer(run, i, g):
    """Gradient i in an array that every call of the backward uses again."""
    key = i, g.shape, g.dtype
    if key not in run.buffers:
        run.buffers[key] = g.copy()
    elif not _equal(run.buffers[key], g):
        run.buffers[key][...] = g
        run.changed = run.noticeable = True  # a result of an earlier call has changed
    return run.buffers[key]


def _equal(a, b):
    return np.shape(a) == np.shape(b) and bool(np.array_equal(a, b, equal_nan=True))
