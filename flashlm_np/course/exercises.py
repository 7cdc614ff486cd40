"""THE TABLE of exercises: which functions of which page are to be written, in what order."""

from __future__ import annotations

import difflib

from ..errors import UserError
from .exercise import Exercise


def _operation(name, page, about, *, more=(), given=(), note=""):
    """An operation of minigrad.ops: its forward and its backward."""
    written = (*more, f"{name}_forward", f"{name}_backward")
    return name, f"minigrad.ops.{page}", written, about, given, note


def _table(*rows) -> tuple[Exercise, ...]:
    return tuple(Exercise(number, *row) for number, row in enumerate(rows, start=1))


EXERCISES = _table(
    _operation(
        "add",
        "elementwise",
        "Addition with broadcasting: what was stretched was used several times, and its "
        "gradient is the sum over the copies.",
        more=("sum_to_shape",),
    ),
    _operation(
        "multiply",
        "elementwise",
        "The product rule: the gradient of a factor is dy times the other factor.",
        given=("sum_to_shape",),
    ),
    _operation(
        "sum",
        "reductions",
        "A sum over axes: every element that was summed receives the whole dy.",
        note="The result is always an array, so a sum over all axes is np.asarray(x.sum()).",
    ),
    _operation(
        "matmul",
        "matmul",
        "The matrix product, whose two gradients are matrix products too.",
        given=("sum_to_shape",),
    ),
    _operation(
        "linear", "linear", "A layer: one matrix and one bias for any number of positions."
    ),
    _operation(
        "relu_squared",
        "activations",
        "max(x, 0)²: silent below 0, and smooth at it.",
    ),
    _operation(
        "sigmoid",
        "activations",
        "σ(x), and why its derivative is cheapest from y.",
        note="Large x of either sign must give 0 or 1, and never NaN.",
    ),
    _operation(
        "sigmoid_gate",
        "gated",
        "A soft switch: one array decides how much of another passes.",
        given=("sigmoid",),
    ),
    _operation(
        "rms_norm",
        "rms_norm",
        "A norm: every element of a row moves all of its row.",
    ),
    _operation(
        "embedding",
        "embedding",
        "A look-up: an id that stands in several places gets the gradient of all of them.",
        given=("RowGradient",),
        note="A dense dw of w's shape is as right as a RowGradient(ids, rows, shape), which "
        "has ids (N,), rows (N, D) and shape (V, D).",
    ),
    _operation(
        "causal_conv",
        "causal_conv",
        "A convolution that never sees the future, and whose gradient never reaches the past.",
        note="Neighboring channels share a group, and so do neighboring outputs: w[g,o] on the "
        "page is w[g·(O/G) + o] in the array.",
    ),
    (
        "ternarize",
        "minigrad.ops.ternary",
        ("ternarize",),
        "Weights in three values, with a threshold and a scale.",
        (),
        "",
    ),
    _operation(
        "ternary_linear",
        "ternary",
        "A staircase has no gradient to learn from: pass it straight through.",
        given=("ternarize",),
    ),
    _operation(
        "cross_entropy",
        "cross_entropy",
        "How surprised is the model? Smoothing, z-loss, and numbers that stay finite.",
        note="The loss is an array of shape (): np.asarray(number).",
    ),
    _operation(
        "tied_head",
        "tied_head",
        "Project onto the vocabulary with the embedding table, and take the loss.",
        given=(
            "minigrad.ops.cross_entropy.cross_entropy_forward",
            "minigrad.ops.cross_entropy.cross_entropy_backward",
        ),
        note="linear, then cross_entropy, on all rows at once is right. Turns of ROWS rows "
        "only save memory.",
    ),
    (
        "adamw",
        "minigrad.optim.adamw",
        ("adamw_update",),
        "A step of nearly constant size per weight, in place.",
        (),
        "The arrays p, m and v are changed in place (p -= ..., not p = p - ...); g is not. "
        "Nothing is returned.",
    ),
    (
        "newton_schulz",
        "minigrad.optim.normuon",
        ("newton_schulz",),
        "Push all singular values of a matrix towards 1, with products alone.",
        ("COEFFICIENTS",),
        "First g is divided by its Frobenius norm + 1e-7, which brings all singular values "
        "under 1 and leaves a matrix of zeros as it is. On matrices, s³ is (x xᵀ) x and s⁵ is "
        "(x xᵀ)² x.",
    ),
    (
        "normuon",
        "minigrad.optim.normuon",
        ("normuon_update",),
        "A step that turns every direction of a matrix equally, with its rows evened out.",
        ("newton_schulz",),
        "The arrays p, m and v are changed in place; g is not. Nothing is returned. form says "
        "which of the page's two sizes, and whether Nesterov; beta2 is passed in.",
    ),
    (
        "pack",
        "flashlm_np.inference.packing",
        ("pack",),
        "Four or five ternary weights in a byte.",
        ("PackedTernary", "ENCODINGS"),
        "Return PackedTernary(encoding, (O, D), scale, codes), with codes of uint8 "
        "(O, bytes of a row). The first weight of a byte is its lowest digit, k = 0.",
    ),
    (
        "table_product",
        "flashlm_np.inference.tables",
        ("signed_sums_of_five", "table_sums"),
        "A matrix product by look-up: the packed byte is the index.",
        ("FIVE", "SUMS", "PackedTernary"),
        "packed.codes is (O, G): a byte for each row and group of five; packed.shape is "
        "(O, D). Inputs that are missing in the last group count as 0. The result is x Tᵀ "
        "without the scale, in x's dtype; for an int8 x in int32, because five int8 do not "
        "fit in an int8.",
    ),
    (
        "accumulate",
        "minigrad.tensor",
        ("Tensor.accumulate",),
        "The engine's +=: a leaf that is used twice gets both gradients.",
        ("RowGradient",),
        "self is a leaf Tensor: it has self.data, and self.grad, which is None at first. A "
        "RowGradient adds itself: gradient.add_to(table).",
    ),
    (
        "backward_steps",
        "minigrad.engine",
        ("backward_steps",),
        "The engine itself: walk back so that each gradient is complete before it is used.",
        ("Node", "_node_backward", "_dense"),
        "_node_backward(node, dy) runs a node's backward, once, and returns a gradient per "
        "parent. node.parents has, per input, a Node, a leaf, or None for a constant. "
        "node.number grows in the order of creation. A leaf is a Tensor and takes its "
        "gradient with leaf.accumulate(gradient). A gradient may be a RowGradient; "
        "_dense(gradient) makes an array of it, and leaves an array as it is.",
    ),
)


def find(name: str) -> Exercise:
    """The exercise called `name`: rms_norm, 9, 09_rms_norm or 09_rms_norm.py."""
    wanted = name.lower().removesuffix(".py")
    for exercise in EXERCISES:
        names = (exercise.name, exercise.file_name.removesuffix(".py"), str(exercise.number))
        if wanted in names or wanted.lstrip("0") in names:
            return exercise
    names = [exercise.name for exercise in EXERCISES]
    near = difflib.get_close_matches(wanted.lstrip("0123456789_"), names, n=3, cutoff=0.5)
    advice = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
    raise UserError(f"there is no exercise {name!r}; {advice}")
