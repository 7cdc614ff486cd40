"""The table of exercises: the functions to write, in their order."""

import difflib
from collections.abc import Iterator
from dataclasses import replace

from minigrad import ops
from minigrad.engine import Node, _backward, _dense, add_gradients, backward_steps
from minigrad.ops import RowGradient, mlgru
from minigrad.ops import activations as act
from minigrad.ops import bit_linear as bit
from minigrad.ops import causal_attention as att
from minigrad.ops import elementwise as elem
from minigrad.optim import adamw, normuon
from minigrad.tensor import Tensor

from ..errors import UserError
from ..inference import packing, tables
from .exercise import Exercise
from .pages.sampled import SAMPLED
from .pages.two_level import TWO_LEVEL


def _operation(operation: ops.Operation, about: str, **fields) -> Exercise:
    """The exercise of an operation whose two functions stand on its page."""
    return Exercise(operation.name, _both(operation), about, **fields)


def _both(operation):
    return operation.forward, operation.backward


_TABLE = (
    Exercise(
        "add",
        (elem.sum_to_shape, elem.add_forward, elem.add_backward),
        "Addition with broadcasting. A stretched element is used several times, and its "
        "gradient is the sum over the copies.",
    ),
    _operation(
        ops.MULTIPLY,
        "The product rule: the gradient of a factor is dy times the other factor.",
        given=(elem.sum_to_shape,),
    ),
    _operation(
        ops.SUM,
        "A sum over axes: every element that was summed receives the whole dy.",
        note="The result is always an array, so a sum over all axes is np.asarray(x.sum()).",
    ),
    _operation(
        ops.MATMUL,
        "The matrix product, whose two gradients are matrix products too.",
        given=(elem.sum_to_shape,),
        note="The inputs have two axes or more: leave out the vectors.",
    ),
    _operation(ops.LINEAR, "A layer: one matrix and one bias for any number of positions."),
    _operation(ops.RELU_SQUARED, "max(x, 0)²: 0 for negative x, and smooth at 0."),
    _operation(
        ops.SIGMOID,
        "σ(x), and why its derivative is cheapest from y.",
        note="Large x of either sign must give 0 or 1, and never NaN.",
    ),
    _operation(
        ops.SIGMOID_GATE,
        "A soft switch: one array decides how much of another passes.",
        given=(act.sigmoid,),
    ),
    _operation(ops.RMS_NORM, "A norm: every element of a row changes all outputs of its row."),
    _operation(
        ops.EMBEDDING,
        "A lookup: an id that stands in several places gets the gradients of all of them.",
        given=(RowGradient,),
        note="A dense dw of w's shape is as right as a RowGradient(ids, rows, shape), which "
        "has ids (N,), rows (N, D) and shape (V, D).",
    ),
    Exercise(
        "causal_conv",
        (ops.causal_conv.causal_conv_forward, ops.causal_conv.causal_conv_backward),
        "A convolution that never sees the future, and whose gradient never reaches the past.",
        note="Neighboring channels share a group, and so do neighboring outputs: w[g,o] on the "
        "page is w[g·(O/G) + o] in the array.",
    ),
    Exercise(
        "ternarize",
        (ops.ternary.ternarize,),
        "Weights in three values, with a threshold and a scale.",
    ),
    _operation(
        ops.TERNARY_LINEAR,
        "The derivative of a step function is 0 almost everywhere: the gradient passes "
        "straight through instead.",
        given=(ops.ternary.ternarize,),
    ),
    _operation(
        ops.CROSS_ENTROPY,
        "The loss, with label smoothing, z-loss, and numbers that stay finite.",
        note="The loss is an array of shape (): np.asarray(number).",
    ),
    Exercise(
        "tied_head",
        (ops.tied_head.tied_head_forward, ops.tied_head.tied_head_backward),
        "Project onto the vocabulary with the embedding table, and take the loss.",
        given=(ops.CROSS_ENTROPY.forward, ops.CROSS_ENTROPY.backward),
        note="linear, then cross_entropy, on all rows at once is right. Working on ROWS "
        "rows at a time only saves memory.",
    ),
    Exercise(
        "adamw",
        (adamw.adamw_update,),
        "A step of nearly constant size per weight, in place.",
        note="Change the arrays p, m and v in place (p -= ..., not p = p - ...), and leave g "
        "as it is. Return nothing.",
    ),
    Exercise(
        "newton_schulz",
        (normuon.newton_schulz,),
        "Move all singular values of a matrix towards 1, by matrix products alone.",
        constants=("COEFFICIENTS",),
        note="First divide g by its Frobenius norm + 1e-7. All singular values are then below "
        "1, and a matrix of zeros stays as it is. On matrices, s³ is (x xᵀ) x and s⁵ is "
        "(x xᵀ)² x.",
    ),
    Exercise(
        "normuon",
        (normuon.normuon_update,),
        "A step of equal size in every direction of a matrix, with its rows normalized.",
        given=(normuon.newton_schulz,),
        note="Change the arrays p, m and v in place, and leave g as it is. Return nothing. "
        "form selects one of the page's two sizes, and whether Nesterov; beta2 is passed in.",
    ),
    Exercise(
        "pack",
        (packing.pack,),
        "Four or five ternary weights in a byte.",
        given=(packing.PackedTernary,),
        constants=("ENCODINGS",),
        note="Return PackedTernary(encoding, (O, D), scale, codes), with codes of uint8 "
        "(O, bytes of a row). The first weight of a byte is its lowest digit, k = 0.",
    ),
    Exercise(
        "table_product",
        (tables.signed_sums_of_five, tables.table_sums),
        "A matrix product by table lookup: the packed byte is the index.",
        given=(packing.PackedTernary,),
        constants=("FIVE", "SUMS"),
        note="packed.codes is (O, G): a byte for each row and group of five; packed.shape is "
        "(O, D). Inputs that are missing in the last group count as 0. The result is x Tᵀ "
        "without the scale, in the dtype of x, but in int32 for an int8 x, because five int8 "
        "do not fit in an int8.",
    ),
    Exercise(
        "accumulate",
        (Tensor.accumulate,),
        "The += of the engine: a leaf that is used twice gets the sum of both gradients.",
        given=(RowGradient,),
        note="self is a leaf Tensor. It has self.data, and self.grad, which is None at first. "
        "A RowGradient adds itself: gradient.add_to(table).",
    ),
    Exercise(
        "backward_steps",
        (backward_steps,),
        "The engine: walk back so that each gradient is complete before it is used.",
        given=(Iterator, Node, add_gradients, _backward, _dense),
        note="_backward(node, dy) runs a node's backward, once, and returns a gradient per "
        "parent. node.parents has, per input, a Node, a leaf, or None for a constant. "
        "node.number grows in the order of creation. A leaf is a Tensor and takes its "
        "gradient with leaf.accumulate(gradient). A gradient may be a RowGradient: "
        "_dense(gradient) makes an array of it, and add_gradients(a, b) adds two of any kind.",
    ),
    _operation(
        TWO_LEVEL,
        "An output layer in two steps: first a class, then a word of this class.",
        given=(ops.CROSS_ENTROPY.forward, ops.CROSS_ENTROPY.backward),
        note="starts is a tuple of G+1 numbers: the first row of each class, and V at the end. "
        "The loss is an array of shape (): np.asarray(number).",
        own_operation=TWO_LEVEL,
    ),
    _operation(
        SAMPLED,
        "An output layer that is trained on a few words, corrected by their probability.",
        given=(ops.CROSS_ENTROPY.forward, ops.CROSS_ENTROPY.backward, RowGradient),
        constants=("NEVER",),
        note="The candidates are in any order, each once. A dense dw of w's shape is as right "
        "as a RowGradient(ids, rows, shape), which has ids (M,), rows (M, D) and shape (V, D), "
        "and adds the rows of an id that repeats.",
        own_operation=SAMPLED,
    ),
    Exercise(
        "bit_linear",
        (bit.absmax, bit.absmean, *_both(ops.BIT_LINEAR)),
        "A matrix of ternary weights whose inputs have 8 bits: only integers are added.",
        constants=("LARGEST", "SMALLEST"),
        note="The factor n of dg, da and dn is the norm without the gain, r x. The norm's mean "
        "is over the D numbers of a position.",
    ),
    Exercise(
        "mlgru",
        (mlgru.mlgru_forward, mlgru.mlgru_backward),
        "A recurrence: a scan from the first position to the last, and one back.",
        given=(act.sigmoid,),
        note="Loop over the positions. In the backward, df_1 needs h_0.",
    ),
    Exercise(
        "attention",
        (att.causal_attention_forward, att.causal_attention_backward),
        "Each position weighs all earlier ones by how well they answer its question.",
        given=(att.split_heads, att.join_heads),
        note="split_heads(x, heads) makes (B, G, T, C) of (B, T, D), and join_heads reverses "
        "it. Large scores of either sign must not give NaN.",
        own_operation=ops.CAUSAL_ATTENTION,
    ),
)

EXERCISES = tuple(replace(exercise, number=n) for n, exercise in enumerate(_TABLE, start=1))


def find(name: str) -> Exercise:
    """The exercise called `name`: rms_norm, 9, 09_rms_norm or 09_rms_norm.py."""
    wanted = name.lower().removesuffix(".py").lstrip("0")
    for exercise in EXERCISES:
        number = str(exercise.number)
        if wanted in (exercise.name, number, f"{number}_{exercise.name}"):
            return exercise
    names = [exercise.name for exercise in EXERCISES]
    near = difflib.get_close_matches(wanted.lstrip("0123456789_"), names, n=3, cutoff=0.5)
    advice = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
    raise UserError(f"there is no exercise {name!r}; {advice}")
