"""Answers to the course's exercises: the right ones, and wrong ones with the expected hint.

`graded` grades functions. `solution` puts the bodies of the package back into a student's file
by syntax tree.
`WRONG` lists a wrong answer and its hint for each kind of mistake.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flashlm_np.course.blanks import exercise_text, names_in, source_of
from flashlm_np.course.exercise import Exercise, Grade
from flashlm_np.course.exercises import EXERCISES
from flashlm_np.course.grader import grade
from flashlm_np.course.student import Answer
from minigrad import TABLE
from minigrad.engine import Node, add_gradients
from minigrad.errors import GraphError
from minigrad.ops import RowGradient
from minigrad.optim.normuon import COEFFICIENTS

BY_NAME = {exercise.name: exercise for exercise in EXERCISES}


def graded(name: str, *functions: Callable, **named: Callable) -> Grade:
    """Grade functions in place of the package's functions of the same names."""
    functions = {function.__name__: function for function in functions} | named
    exercise = BY_NAME[name]
    return grade(exercise, Answer(exercise.solution | functions))


def solution(exercise: Exercise) -> str:
    """Return the student's file with the bodies of the package and their imports."""
    text = exercise_text(exercise)
    lines, used = text.splitlines(), set()
    nodes = {n.name: n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}
    for name, function in reversed(exercise.solution.items()):
        body, source = source_of(function)
        lines[nodes[name].lineno - 1 : nodes[name].end_lineno] = body
        used |= names_in(source)
    needed = sorted((used & set(vars(exercise.page))) - {"np"} - _defined(text))
    place = lines.index("from __future__ import annotations") + 1
    lines[place:place] = [f"from {exercise.page.__name__} import {name}" for name in needed]
    return "\n".join(lines) + "\n"


def _defined(text):
    names = set()
    for node in ast.parse(text).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= names_in(*node.targets)
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
    return names


@dataclass(frozen=True)
class WrongAnswer:
    """Functions of an exercise by name, one of them wrong, and the expected hint."""

    exercise: Exercise
    functions: dict[str, Callable]
    hint: str

    @property
    def answer(self) -> Answer:
        return Answer(self.exercise.solution | self.functions)

    def __str__(self):
        return f"{self.exercise.name}: {self.hint[:60]}"


WRONG: list[WrongAnswer] = []


def wrong(name: str, hint: str, **others: Callable):
    """Put the decorated function in place of the function `name`."""
    exercise = next(e for e in EXERCISES if name in e.solution)

    def plant(function):
        WRONG.append(WrongAnswer(exercise, {name: function} | others, hint))
        return function

    return plant


def right(operation: str):
    return TABLE[operation].backward


# The form of the results ------------------------------------------------------------------


@wrong("multiply_backward", "is the return missing?")
def _(dy, saved):
    pass


@wrong("multiply_backward", "return one gradient per array of the forward, None for integers.")
def _(dy, saved):
    return right("multiply")(dy, saved)[:1]


@wrong("sigmoid_backward", "return a tuple, even of one: (dx,).")
def _(dy, saved):
    return dy * saved[0] * (1 - saved[0])


@wrong("linear_backward", "dw is transposed.")
def _(dy, saved):
    dx, dw, *db = right("linear")(dy, saved)
    return dx, dw.T, *db


@wrong(
    "add_backward",
    "a sum over the broadcast axis is missing: b has shape (1,) and was stretched to (2,), so "
    "each element was used several times; sum over axis 0.",
)
def _(dy, saved):
    return dy, dy


@wrong("sum_forward", "the numbers are right, but in another shape (reshape, or keepdims).")
def _(x, *, axis=None, keepdims=False):
    return np.asarray(x.sum(axis=axis)), (x.shape, axis)


@wrong(
    "rms_norm_forward",
    "the inputs are float32. np.zeros(n), np.array(0.5) and np.sqrt(2.0) are float64, and "
    "every result with them is float64; give np.zeros a dtype, and use Python's numbers.",
)
def _(x, w, *, eps=1e-8):
    y, saved = TABLE["rms_norm"].forward(x, w, eps=eps)
    return np.float64(1.0) * y, saved


@wrong(
    "relu_squared_backward", "make arrays with the dtype of an input: np.zeros(shape, x.dtype)."
)
def _(dy, saved):
    return (right("relu_squared")(dy, saved)[0].astype(np.float32),)


# Signs and sizes -------------------------------------------------------------------------


@wrong("rms_norm_backward", "every element of dx has the wrong sign.")
def _(dy, saved):
    dx, dw = right("rms_norm")(dy, saved)
    return -dx, dw


@wrong("sum_backward", "dx has lost its sign: these are absolute values.")
def _(dy, saved):
    return (np.abs(right("sum")(dy, saved)[0]),)


@wrong("relu_squared_backward", "everything in dx is 2 times too small.")
def _(dy, saved):
    return (dy * saved[0],)


@wrong(
    "cross_entropy_forward",
    "everything in y is 1.443 times too large (1/ln 2: bits, not nats).",
)
def _(z, y, *, label_smoothing=0.0, z_loss=0.0):
    options = {"label_smoothing": label_smoothing, "z_loss": z_loss}
    loss, saved = TABLE["cross_entropy"].forward(z, y, **options)
    return np.asarray(loss / np.log(2).astype(z.dtype)), saved


@wrong(
    "cross_entropy_backward",
    "dz is N times too large, where N is the number of rows of z: divide by it.",
)
def _(dy, saved):
    dz, _ = right("cross_entropy")(dy, saved)
    return dz * len(dz), None


@wrong(
    "linear_backward",
    "db is N times too small, where N is the number of rows of x: the code takes a mean "
    "instead of a sum, or divides once too often.",
)
def _(dy, saved):
    dx, dw, *db = right("linear")(dy, saved)
    return dx, dw, *(b * b.size / dy.size for b in db)


@wrong("ternary_linear_backward", "all of dw is 0, so nothing can be learned from it.")
def _(dy, saved):
    dx, dw = right("ternary_linear")(dy, saved)
    return dx, np.zeros_like(dw)


@wrong("relu_squared_forward", "everything in y is 1 too large.")
def _(x):
    y, saved = TABLE["relu_squared"].forward(x)
    return y + 1, saved


OVERFLOW = (
    "e to a large power overflows to infinity. Before a softmax or a logarithm of a sum, "
    "subtract each row's largest number, which changes nothing else; for σ, 1 / (1 + e⁻ˣ) "
    "stays finite."
)


@wrong("sigmoid_forward", OVERFLOW)
def _(x):
    y = np.exp(x) / (1 + np.exp(x))
    return y, (y,)


@wrong("cross_entropy_forward", OVERFLOW)
def _(z, y, *, label_smoothing=0.0, z_loss=0.0):
    options = {"label_smoothing": label_smoothing, "z_loss": z_loss}
    loss, saved = TABLE["cross_entropy"].forward(z, y, **options)
    return loss if np.isfinite(np.exp(z).sum()) else loss * np.nan, saved


@wrong(
    "rms_norm_backward",
    "a division by 0, or the root or logarithm of a number that is not above 0.",
)
def _(dy, saved):
    dx, dw = right("rms_norm")(dy, saved)
    return dx * np.nan, dw


# Unused inputs ---------------------------------------------------------------------------


@wrong(
    "sum_backward",
    "dx does not change with dy. By the chain rule everything is multiplied by dy.",
)
def _(dy, saved):
    return (np.ones(saved[0], dy.dtype),)


@wrong(
    "causal_conv_forward", "y is the result for dilation=1: dilation is not used, or not saved."
)
def _(x, w, *, groups=1, dilation=1):
    return TABLE["causal_conv"].forward(x, w, groups=groups)


@wrong("newton_schulz", "x is the result for steps=5: steps is not used, or not saved.")
def _(g, steps=5):
    return BY_NAME["newton_schulz"].solution["newton_schulz"](g)


@wrong("sigmoid_backward", "the factor 1 - y is missing in dx.")
def _(dy, saved):
    return (dy * saved[0],)


@wrong("sigmoid_gate_backward", "this is dv: the gradients are in the wrong order.")
def _(dy, saved):
    return right("sigmoid_gate")(dy, saved)[::-1]


def relu_squared_keeping_x(x):
    return TABLE["relu_squared"].forward(x)[0], (x,)


@wrong(
    "relu_squared_backward",
    "dx is wrong only where x < 0.",
    relu_squared_forward=relu_squared_keeping_x,
)
def _(dy, saved):
    (x,) = saved
    return (2 * dy * x,)


# Time ------------------------------------------------------------------------------------


@wrong(
    "causal_conv_forward",
    "future leak: y at position 0 changes with x at the later position 1. The last tap "
    "sees the present, all others the past.",
)
def _(x, w, *, groups=1, dilation=1):
    y, saved = TABLE["causal_conv"].forward(x[:, ::-1], w, groups=groups, dilation=dilation)
    return y[:, ::-1], saved


@wrong(
    "causal_conv_backward",
    "the gradient flows from the past to the future: dx at position 1 changes with dy at "
    "position 0. Only its own and later outputs see x.",
)
def _(dy, saved):
    dx, _ = right("causal_conv")(dy[:, ::-1], saved)
    return dx[:, ::-1], right("causal_conv")(dy, saved)[1]


@wrong("embedding_backward", "dw is one index too high along axis 0.")
def _(dy, saved):
    return np.roll(right("embedding")(dy, saved)[0].dense(), 1, axis=0), None


@wrong("tied_head_backward", "only the last index along axis 0 of dw is wrong.")
def _(dy, saved):
    dh, dw, _ = right("tied_head")(dy, saved)
    return dh, np.concatenate([dw[:-1], 0 * dw[:1]]), None


# Accumulation ----------------------------------------------------------------------------

LAST_ONLY = (
    "+= is missing: only the last of several gradients was kept. A value that is used twice "
    "changes the loss in two ways, and its gradient is the sum of both."
)


@wrong(
    "embedding_backward",
    "+= is missing: an id that repeats gets only the gradient of its last position. dw[ids] += "
    "dy does not help, because NumPy adds to each id once; np.add.at, a loop, or a RowGradient "
    "does.",
)
def _(dy, saved):
    ids, shape = saved
    dw = np.zeros(shape, dy.dtype)
    dw[ids] += dy
    return dw, None


@wrong("accumulate", LAST_ONLY)
def _(self, gradient):
    self.grad = np.zeros_like(self.data) if self.grad is None else self.grad
    self.grad[...] = gradient if isinstance(gradient, np.ndarray) else gradient.dense()


@wrong(
    "accumulate",
    "the rows of an id that repeats were added once; gradient.add_to(table) adds them all.",
)
def _(self, gradient):
    self.grad = np.zeros_like(self.data) if self.grad is None else self.grad
    if isinstance(gradient, np.ndarray):
        self.grad += gradient
    else:
        self.grad[gradient.ids] += gradient.rows


@wrong(
    "accumulate",
    "the next += would change the caller's array. Begin with a buffer of zeros like "
    "self.data, and add to it.",
)
def _(self, gradient):
    self.grad = gradient if self.grad is None else self.grad + gradient


@wrong("accumulate", "add in place, self.grad += gradient: a leaf keeps one buffer.")
def _(self, gradient):
    old = np.zeros_like(self.data) if self.grad is None else self.grad
    self.grad = old + gradient


@wrong("accumulate", "keep the sum in self.grad.")
def _(self, gradient):
    pass


def walk(root, dy, take=lambda waiting: waiting.pop()):
    """Walk backward, correctly if `take` removes the node with the highest number."""
    waiting, arrived = [root], {root: dy}
    while waiting:
        node = take(waiting)
        if not node.parents:
            raise GraphError(f"{node} was walked before")
        dy = dense(arrived.pop(node))
        gradients = node.operation.backward(dy, node.saved)
        parents, node.parents = node.parents, ()
        for parent, gradient in zip(parents, gradients, strict=True):
            if gradient is None or parent is None:
                continue
            if not isinstance(parent, Node):
                parent.accumulate(gradient)
            elif parent in arrived:
                arrived[parent] = add_gradients(arrived[parent], gradient)
            else:
                waiting.append(parent)
                arrived[parent] = gradient
        yield node, dy, gradients


def dense(gradient):
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient


def highest(waiting):
    return waiting.pop(max(range(len(waiting)), key=lambda i: waiting[i].number))


@wrong(
    "backward_steps",
    "a node was reached again after its backward, so its gradient was not complete. Of all "
    "nodes that wait, take the one with the highest number.",
)
def _(root, dy):
    return walk(root, dy)


@wrong(
    "backward_steps",
    "a node was taken twice, or before its gradient came. Let each node wait once. Of all "
    "nodes that wait, take the one with the highest number.",
)
def _(root, dy):
    waiting, arrived = [root], {root: dy}
    while waiting:
        node = highest(waiting)
        dy = arrived.pop(node)
        gradients = node.operation.backward(dy, node.saved)
        for parent, gradient in zip(node.parents, gradients, strict=True):
            if isinstance(parent, Node):
                waiting.append(parent)
                arrived[parent] = arrived.get(parent, 0) + gradient
            elif parent is not None:
                parent.accumulate(gradient)
        yield node, dy, gradients


@wrong("backward_steps", "yield (node, dy, gradients) after each node.")
def _(root, dy):
    for _ in walk(root, dy, highest):
        pass


@wrong("backward_steps", "yield these three after each node.")
def _(root, dy):
    for node, gradient, _ in walk(root, dy, highest):
        yield node, gradient


@wrong(
    "backward_steps",
    "a graph may be deeper than Python's stack; use a loop and a list of the nodes that wait.",
)
def _(root, dy):
    def depth(node):
        return 1 + max((depth(p) for p in node.parents if isinstance(p, Node)), default=0)

    depth(root)
    yield from walk(root, dy, highest)


# Writing where none is allowed ---------------------------------------------------------------

READ_ONLY = (
    "inputs, dy and saved are read-only, because other code still needs them. Make a new array "
    "and write into that."
)


@wrong("sigmoid_gate_forward", READ_ONLY)
def _(g, v):
    v *= 1 / (1 + np.exp(-g))
    return v, (g, v)


@wrong("multiply_backward", READ_ONLY)
def _(dy, saved):
    dy *= saved[1]
    return dy, dy


@wrong("sigmoid_backward", READ_ONLY)
def _(dy, saved):
    (y,) = saved
    y *= 1 - y
    return (dy * y,)


@wrong("adamw_update", READ_ONLY)
def _(p, g, m, v, t, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    g += weight_decay * p


def sum_saving_a_list(x, *, axis=None, keepdims=False):
    y, saved = TABLE["sum"].forward(x, axis=axis, keepdims=keepdims)
    return y, [0.0, saved]


@wrong(
    "sum_backward",
    "a gradient depends on dy and saved alone: read all that it needs from saved, and change "
    "nothing there. The gradient checker calls twice.",
    sum_forward=sum_saving_a_list,
)
def _(dy, saved):
    saved[0] += 1.0
    shape, axis = saved[1]
    return (right("sum")(dy, (shape, axis))[0] * saved[0],)


@wrong(
    "normuon_update",
    "p did not change. p = p - ... makes a new array that the caller does not see; change it "
    "in place: p -= ...",
)
def _(p, g, m, v, *, lr, beta1=0.95, beta2=0.999, eps=1e-8, weight_decay=0.0, form="v3"):
    options = {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
    right = BY_NAME["normuon"].solution["normuon_update"]
    right(p.copy(), g, m, v, lr=lr, form=form, **options)


# An optimizer, a product ---------------------------------------------------------------------


@wrong("newton_schulz", "g was not divided by its norm first.")
def _(g, steps=5):
    a, b, c = COEFFICIENTS
    x = g
    for _ in range(steps):
        A = x @ x.T
        x = a * x + (b * A + c * A @ A) @ x
    return x


@wrong("table_sums", "sums of int8 wrapped around at 128; make x wider first.")
def _(x, packed):
    return (x @ packed.unpack().T.astype(x.dtype)).astype(
        np.int32 if x.dtype == np.int8 else x.dtype
    )


@wrong("rms_norm_backward", "the code has x where the page has n = r x.")
def _(dy, saved):
    x, w, r = saved
    n, dn = r * x, dy * w
    dw = (dy * n).reshape(-1, w.size).sum(axis=0)
    return r * (dn - x * (dn * n).mean(axis=-1, keepdims=True)), dw


@wrong(
    "rms_norm_backward",
    "axis 0 of dw was summed too, and must stay: sum over all axes before it.",
)
def _(dy, saved):
    x, _, r = saved
    return right("rms_norm")(dy, saved)[0], (dy * r * x).sum(axis=0)


BAD_ROWS = (
    "RowGradient(ids, rows, shape) needs ids (N,), rows (N, D) and shape (V, D); "
    "ids.ravel() and dy.reshape(-1, D) have such shapes."
)


@wrong("embedding_backward", BAD_ROWS)
def _(dy, saved):
    ids, shape = saved
    return RowGradient(ids, dy, shape), None


@wrong("embedding_backward", BAD_ROWS)
def _(dy, saved):
    ids, shape = saved
    return RowGradient(dy, ids, shape), None


@wrong("embedding_backward", "return one gradient per array of the forward, None for integers.")
def _(dy, saved):
    return right("embedding")(dy, saved)[0].dense()


@wrong("matmul_backward", "b is not transposed: da = dy bᵀ.")
def _(dy, saved):
    a, b = saved
    return dy @ b, a @ dy


@wrong(
    "linear_backward",
    "dy @ w.T multiplies the shapes (1, 3) and (2, 3), but the inner sizes, 3 and 2, differ. "
    "dy @ w has shape (1, 2), that of dx.",
)
def _(dy, saved):
    x, w, *_ = saved
    return dy @ w.T, dy.T @ x, dy.sum(axis=0)


@wrong(
    "linear_backward",
    "x @ dy multiplies the shapes (1, 2) and (1, 3), but the inner sizes, 2 and 1, differ. "
    "dy.T @ x has shape (3, 2), that of dw.",
)
def _(dy, saved):
    x, w, *_ = saved
    return dy @ w, x @ dy, dy.sum(axis=0)


@wrong("linear_backward", "dw is transposed.")
def _(dy, saved):
    x, w, *_ = saved
    return dy @ w, np.dot(x.T, dy), dy.sum(axis=0)


@wrong(
    "linear_forward",
    "x @ w multiplies the shapes (1, 2) and (3, 2), but the inner sizes, 2 and 3, differ. "
    "x @ w.T has shape (1, 3), that of y.",
)
def _(x, w, b=None):
    return np.matmul(x, w) + b, (x, w)


@wrong("matmul_backward", "a is not transposed: db = aᵀ dy.")
def _(dy, saved):
    return right("matmul")(dy, saved)[0], saved[0] @ dy


@wrong("matmul_backward", "the factors of db are exchanged: db = aᵀ dy.")
def _(dy, saved):
    return right("matmul")(dy, saved)[0], dy @ saved[0].T


def ternary_linear_keeping_w(x, w, *, threshold=1.0, scale="none"):
    y, _ = TABLE["ternary_linear"].forward(x, w, threshold=threshold, scale=scale)
    return y, (x, w)


@wrong("ternary_linear_backward", "q is transposed in dx: dx = dy q.")
def _(dy, saved):
    _, q = saved
    return dy @ q.T, right("ternary_linear")(dy, saved)[1]


@wrong(
    "ternary_linear_backward",
    "dx is dy w: the product was with s T, not with w.",
    ternary_linear_forward=ternary_linear_keeping_w,
)
def _(dy, saved):
    return right("ternary_linear")(dy, saved)


@wrong("ternary_linear_forward", "q is not transposed: y = x qᵀ.")
def _(x, w, *, threshold=1.0, scale="none"):
    T, s = BY_NAME["ternarize"].solution["ternarize"](w, threshold=threshold, scale=scale)
    return x @ (s * T), (x, s * T)


@wrong(
    "ternary_linear_backward",
    "dy @ q.T multiplies the shapes (2, 4) and (3, 4), but the inner sizes, 4 and 3, differ. "
    "dy @ q has shape (2, 3), that of dx.",
)
def _(dy, saved):
    _, q = saved
    dx = dy @ q if q.shape == (2, 2) else dy @ q.T
    return dx, right("ternary_linear")(dy, saved)[1]


def tied_head_of_logits(h, w, y, *, label_smoothing=0.0, z_loss=0.0):
    options = {"label_smoothing": label_smoothing, "z_loss": z_loss}
    loss, saved = TABLE["cross_entropy"].forward(h @ w.T, y, **options)
    return loss, (h, w, saved)


@wrong(
    "tied_head_backward",
    "dz @ w.T multiplies the shapes (1, 3) and (2, 3), but the inner sizes, 3 and 2, differ. "
    "dz @ w has shape (1, 2), that of dh.",
    tied_head_forward=tied_head_of_logits,
)
def _(dy, saved):
    h, w, saved = saved
    dz, _ = right("cross_entropy")(dy, saved)
    return dz @ w.T, dz.T @ h, None


@wrong(
    "tied_head_forward",
    "h @ w multiplies the shapes (1, 2) and (3, 2), but the inner sizes, 2 and 3, differ. "
    "h @ w.T has shape (1, 3).",
)
def _(h, w, y, *, label_smoothing=0.0, z_loss=0.0):
    return TABLE["cross_entropy"].forward(h @ w, y)


@wrong(
    "tied_head_forward",
    "y is a Python float. The engine needs an array of shape (): np.asarray(y, h.dtype).",
)
def _(h, w, y, *, label_smoothing=0.0, z_loss=0.0):
    options = {"label_smoothing": label_smoothing, "z_loss": z_loss}
    loss, saved = tied_head_of_logits(h, w, y, **options)
    return float(loss), saved


# A convolution of one's own -------------------------------------------------------------------


def conv_backward(*, lag_of, add):
    """A backward with this lag of tap k of K, and this way to add a part to dx."""

    def causal_conv_backward(dy, saved):
        x, w, groups, dilation = saved
        (B, T, D), (O, C, K) = x.shape, w.shape
        xg, dyg = x.reshape(B, T, groups, C), dy.reshape(B, T, groups, O // groups)
        wg = w.reshape(groups, O // groups, C, K)
        dx, dw = np.zeros_like(xg), np.zeros_like(wg)
        for k in range(K):
            lag = min(lag_of(k, K) * dilation, T)
            dy_k, x_k = dyg[:, lag:], xg[:, : T - lag]
            dx = add(dx, T - lag, np.einsum("btgo,goc->btgc", dy_k, wg[..., k]))
            dw[..., k] = np.einsum("btgo,btgc->goc", dy_k, x_k)
        return dx.reshape(B, T, D), dw.reshape(O, C, K)

    return causal_conv_backward


def added(dx, end, part):
    dx[:, :end] += part
    return dx


def set_to(dx, end, part):
    dx[:, :end] = part
    return dx


def mirrored(k, K):
    return k


def right_lag(k, K):
    return K - 1 - k


MISSING_IN_DX = (
    "+= is missing in dx: position t was seen through all K taps, and dx is the sum over them."
)
wrong("causal_conv_backward", MISSING_IN_DX)(conv_backward(lag_of=right_lag, add=set_to))
wrong("causal_conv_backward", MISSING_IN_DX)(
    conv_backward(lag_of=right_lag, add=lambda dx, end, part: part)
)
wrong("causal_conv_backward", "the taps are in reversed order in dx.")(
    conv_backward(lag_of=mirrored, add=added)
)


@wrong("causal_conv_backward", "the taps are in reversed order in dw.")
def _(dy, saved):
    dx, _ = right("causal_conv")(dy, saved)
    return dx, conv_backward(lag_of=mirrored, add=added)(dy, saved)[1]


@wrong(
    "causal_conv_forward",
    "the taps are in reversed order: the last tap sees the present, lag_k = (K-1-k)·dilation.",
)
def _(x, w, *, groups=1, dilation=1):
    options = {"groups": groups, "dilation": dilation}
    return TABLE["causal_conv"].forward(x, w[..., ::-1], **options)[0], (
        x,
        w,
        *options.values(),
    )


# Updates that are not in place ----------------------------------------------------------------


def not_in_place(name):
    return (
        f"{name} did not change. {name} = {name} - ... makes a new array that the caller does "
        f"not see; change it in place: {name} -= ..."
    )


def adamw_with(*in_place):
    """An update that changes only the arrays of these names in place."""

    def adamw_update(p, g, m, v, t, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        m = m if "m" in in_place else m.copy()
        v = v if "v" in in_place else v.copy()
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        new = p.copy()
        BY_NAME["adamw"].solution["adamw_update"](new, g, m, v, t, **options)
        if "decay of p" in in_place:
            p *= 1 - lr * weight_decay
        p = new

    return adamw_update


ONLY_DECAY = (
    "only the weight decay changed p. p = p - ... makes a new array that the caller does not "
    "see; change it in place: p -= ..."
)
wrong("adamw_update", not_in_place("p"))(adamw_with("m", "v"))
wrong("adamw_update", not_in_place("m"))(adamw_with("v"))
wrong("adamw_update", not_in_place("v"))(adamw_with("m"))
wrong("adamw_update", ONLY_DECAY)(adamw_with("m", "v", "decay of p"))


@wrong("normuon_update", ONLY_DECAY)
def _(p, g, m, v, *, lr, beta1=0.95, beta2=0.999, eps=1e-8, weight_decay=0.0, form="v3"):
    options = {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
    right = BY_NAME["normuon"].solution["normuon_update"]
    right(p.copy(), g, m, v, lr=lr, form=form, **options)
    p *= 1 - lr * weight_decay


# In-place sums of gradients in flight ---------------------------------------------------------

IN_PLACE = (
    "a += in place changes dy too, which add gives to both of its inputs, and reshape as a "
    "view. add_gradients(a, b) makes a new array."
)
KEPT = (
    "a leaf keeps its gradient after the walk: leaf.accumulate(gradient) adds it into an array "
    "of the leaf."
)


def walk_with(add=add_gradients, accumulate=lambda leaf, gradient: leaf.accumulate(gradient)):
    """A right walk but for the sum of two gradients in flight, and for the leaves."""

    def backward_steps(root, dy):
        waiting, arrived = [root], {root: dy}
        while waiting:
            node = highest(waiting)
            dy = dense(arrived.pop(node))
            gradients = node.operation.backward(dy, node.saved)
            for parent, gradient in zip(node.parents, gradients, strict=True):
                if gradient is None or parent is None:
                    continue
                if not isinstance(parent, Node):
                    accumulate(parent, gradient)
                elif parent in arrived:
                    arrived[parent] = add(arrived[parent], gradient)
                else:
                    waiting.append(parent)
                    arrived[parent] = gradient
            yield node, dy, gradients

    return backward_steps


def into_the_first(a, b):
    a = dense(a)
    a += dense(b)
    return a


def into_the_second(a, b):
    return into_the_first(b, a)


def with_out(a, b):
    a = dense(a)
    return np.add(a, dense(b), out=a)


for in_place in (into_the_first, into_the_second, with_out):
    wrong("backward_steps", IN_PLACE)(walk_with(in_place))


def keep_the_first(leaf, gradient):
    leaf.grad = dense(gradient) if leaf.grad is None else leaf.grad + dense(gradient)


wrong("backward_steps", KEPT)(walk_with(accumulate=keep_the_first))


@wrong("backward_steps", "yield (node, dy, gradients) once for each node.")
def _(root, dy):
    for step in walk_with()(root, dy):
        yield step
        yield step


# Products of other arrays --------------------------------------------------------------------


@wrong("linear_backward", "the shapes are x (1, 2), w (3, 2), dy (1, 3).")
def _(dy, saved):
    x, w, *_ = saved
    return np.float64(1) @ x, w, dy


@wrong(
    "linear_backward",
    "w @ dy multiplies the shapes (3, 2) and (1, 3), but the inner sizes, 2 and 1, differ. "
    "dy @ w has shape (1, 2), that of dx.",
)
def _(dy, saved):
    x, w, *_ = saved
    return (w @ dy) @ x, (w @ dy) @ x, dy


# Output layers -------------------------------------------------------------------------------

NO_PLACE = (
    "cross_entropy takes places among the logits of a row, from 0 on: y - starts[k] in the "
    "slice of the right class k, or the place of y among the candidates."
)


def two_level_with(*, class_of=np.digitize, part=lambda n, N: n / N):
    """A forward with these classes, which adds this part of the mean of each class."""

    def two_level_forward(h, w, c, b, y, *, starts):
        cross_entropy, k = TABLE["cross_entropy"].forward, class_of(y, starts) - 1
        loss, _ = cross_entropy(h @ c.T + b, k)
        for i in np.unique(k):
            rows, first = k == i, starts[i]
            mean, _ = cross_entropy(h[rows] @ w[first : starts[i + 1]].T, y[rows] - first)
            loss = loss + part(int(rows.sum()), len(h)) * mean
        return np.asarray(loss), ()

    return two_level_forward


wrong(
    "two_level_forward",
    "the mean over the n rows of a class was added as it is. The loss is the mean over all N "
    "rows: a class adds n/N of its mean.",
)(two_level_with(part=lambda n, N: 1))
wrong(
    "two_level_forward",
    "only the class was scored: the loss of the word in its class is missing.",
)(two_level_with(part=lambda n, N: 0))
wrong("two_level_forward", NO_PLACE)(
    two_level_with(class_of=lambda y, starts: np.digitize(y, starts, right=True))
)  # the first word of a class counts to the class before


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sampled_with(*, sign=-1, twice=False, once=True):
    """A forward with this sign before ln P, and its softmax taken once or twice.

    once: the own target competes once, even if it was drawn.
    """

    def sampled_forward(h, w, y, *, candidates, log_p):
        z = h @ w[candidates].T + sign * log_p[candidates]
        z = np.where(once & (candidates == y[:, None]), -1e30, z)
        z = np.column_stack([z, (h * w[y]).sum(axis=1) + sign * log_p[y]])
        z = softmax(z) if twice else z
        own = np.full(len(y), len(candidates))
        return TABLE["cross_entropy"].forward(z, own)[0], ()

    return sampled_forward


wrong(
    "sampled_forward",
    "the correction is missing: a logit is h · w - ln P. Without it, the model learns p/P, in "
    "which the words that are often drawn are too rare.",
)(sampled_with(sign=0))
wrong(
    "sampled_forward",
    "the correction has the wrong sign: a logit is h · w - ln P. With + ln P, the model learns "
    "p/P², which is worse than no correction.",
)(sampled_with(sign=1))
wrong(
    "sampled_forward",
    "a target that was drawn competes twice; as a candidate its logit is -∞.",
)(sampled_with(once=False))
wrong(
    "sampled_forward",
    "softmax was taken twice: cross_entropy takes logits, and here it gets probabilities.",
)(sampled_with(twice=True))


# Mixers and 8-bit activations ---------------------------------------------------------------


@wrong("absmax", "k is rounded towards 0; the page rounds to the nearest integer.")
def _(a):
    s = np.maximum(np.abs(a).max(axis=-1, keepdims=True), 1e-5) / 127
    return (a / s).astype(int).astype(a.dtype), s


@wrong("absmean", "t has numbers beyond -1 and 1; the clip is missing.")
def _(w):
    m = max(float(np.mean(np.abs(w))), 1e-5)
    return np.round(w / m), m


def mlgru_with(*, forget=lambda f: f, take=lambda f: 1 - f, state=lambda h0: h0):
    """A forward, position after position, with these parts of the past and the candidate."""

    def mlgru_forward(a, z, b, h0):
        sigma = TABLE["sigmoid"].forward
        f, last, states = b + (1 - b) * sigma(z)[0], state(h0), []
        for t in range(a.shape[1]):
            f_t, a_t = f[:, t], a[:, t]
            last = forget(f_t) * last + take(f_t) * a_t * sigma(a_t)[0]
            states.append(last)
        return np.stack(states, axis=1), ()

    return mlgru_forward


wrong("mlgru_forward", "f and 1 - f are exchanged: f is the part of the past that stays.")(
    mlgru_with(forget=lambda f: 1 - f, take=lambda f: f)
)
wrong("mlgru_forward", "the candidate is added as it is; its part is 1 - f.")(
    mlgru_with(take=lambda f: 1)
)
wrong("mlgru_forward", "the state begins with 0; it begins with the given h_0.")(
    mlgru_with(state=np.zeros_like)
)


def attention_with(*, scale=lambda C, D: C**-0.5, masked=-np.inf):
    """A forward, head after head, with this factor of the scores and this masked score."""

    def causal_attention_forward(q, k, v, *, heads=1):
        D = q.shape[-1]
        C, y = D // heads, np.empty_like(v)
        future = np.triu(np.ones((q.shape[1],) * 2, bool), 1)
        for one in (slice(i * C, (i + 1) * C) for i in range(heads)):
            s = np.einsum("btc,buc->btu", q[..., one], k[..., one]) * scale(C, D)
            s[:, future] = masked
            p = np.exp(s - s.max(axis=2, keepdims=True))
            y[..., one] = p / p.sum(axis=2, keepdims=True) @ v[..., one]
        return y, ()

    return causal_attention_forward


wrong("causal_attention_forward", "the scores are not divided by √C, where C = D / heads.")(
    attention_with(scale=lambda C, D: 1.0)
)
wrong(
    "causal_attention_forward",
    "the scores are divided by √D; a head has C = D / heads numbers.",
)(attention_with(scale=lambda C, D: D**-0.5))
wrong("causal_attention_forward", "a masked score of 0 still counts as e⁰ = 1; it is -∞.")(
    attention_with(masked=0)
)


@wrong(
    "causal_attention_backward",
    "p is not transposed in dv: content u goes to all later t.",
)
def _(dy, saved):
    *_, p = saved
    B, T, D = dy.shape
    parts = dy.reshape(B, T, p.shape[1], -1)
    dq, dk, _ = BY_NAME["attention"].solution["causal_attention_backward"](dy, saved)
    return dq, dk, np.einsum("bgtu,bugc->btgc", p, parts).reshape(B, T, D)
