"""Common mistakes in backward passes. The gradient checker must catch all of them.

Each bug replaces the backward of one operation, and has a one-line description.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minigrad import TABLE, Operation
from minigrad.ops import RowGradient
from minigrad.ops.elementwise import sum_to_shape


@dataclass(frozen=True)
class PlantedBug:
    operation_name: str
    mistake: str
    backward: Callable

    @property
    def operation(self) -> Operation:
        """The operation with the wrong backward."""
        return dataclasses.replace(TABLE[self.operation_name], backward=self.backward)

    def __str__(self):
        return f"{self.operation_name}: {self.mistake}"


PLANTED_BUGS: list[PlantedBug] = []


def bug(operation_name, mistake):
    """Add the decorated backward(dy, saved) to PLANTED_BUGS."""

    def plant(backward):
        PLANTED_BUGS.append(PlantedBug(operation_name, mistake, backward))
        return backward

    return plant


def changed(operation_name, mistake, change):
    """Add a bug: the right backward, then change(*gradients)."""
    right = TABLE[operation_name].backward
    bug(operation_name, mistake)(lambda dy, saved: change(*right(dy, saved)))


# -- arithmetic and broadcasting -----------------------------------------------------------


@bug("add", "no sum over the broadcast axes")
def _(dy, saved):
    return dy, dy


@bug("add", "a mean over the broadcast axes instead of a sum")
def _(dy, saved):
    a, b = (sum_to_shape(dy, shape) for shape in saved)
    return a * a.size / max(1, dy.size), b * b.size / max(1, dy.size)


@bug("add", "the summed axes stay in place, a shape that would broadcast")
def _(dy, saved):
    return tuple(sum_to_shape(dy, (1,) * (dy.ndim - len(s)) + s) for s in saved)


changed("subtract", "the second gradient has the wrong sign", lambda da, db: (da, -db))
changed("subtract", "one gradient for two inputs", lambda da, db: (da,))


@bug("multiply", "each input times itself: the factors are exchanged")
def _(dy, saved):
    a, b = saved
    return sum_to_shape(dy * a, a.shape), sum_to_shape(dy * b, b.shape)


@bug("multiply", "the second gradient lacks its factor")
def _(dy, saved):
    a, b = saved
    return sum_to_shape(dy * b, a.shape), sum_to_shape(dy, b.shape)


@bug("multiply", "writes the product into dy")
def _(dy, saved):
    a, b = saved
    db = sum_to_shape(dy * a, b.shape)
    dy *= b
    return sum_to_shape(dy, a.shape), db


@bug("divide", "db divided by b once, not twice")
def _(dy, saved):
    a, b = saved
    return sum_to_shape(dy / b, a.shape), sum_to_shape(-dy * a / b, b.shape)


changed("divide", "db without its minus", lambda da, db: (da, -db))


@bug("power", "the factor p is missing")
def _(dy, saved):
    a, p = saved
    return (dy * a ** (p - 1),)


@bug("power", "the exponent is not lowered")
def _(dy, saved):
    a, p = saved
    return (dy * p * a**p,)


@bug("general_power", "db lacks the logarithm of a")
def _(dy, saved):
    _, b, y = saved
    return TABLE["general_power"].backward(dy, saved)[0], sum_to_shape(dy * y, b.shape)


@bug("general_power", "the exponent is not lowered in da")
def _(dy, saved):
    a, b, y = saved
    return sum_to_shape(dy * b * y, a.shape), TABLE["general_power"].backward(dy, saved)[1]


# -- functions of one number ---------------------------------------------------------------


@bug("exp", "dy is not used")
def _(dy, saved):
    return saved


changed("exp", "the gradient is float32", lambda dx: (dx.astype(np.float32),))


@bug("log", "multiplied by x instead of divided")
def _(dy, saved):
    return (dy * saved[0],)


@bug("log", "the derivative of log(|x| + 1e-5)")
def _(dy, saved):
    return (dy / (saved[0] + 1e-5),)


@bug("tanh", "1 - y instead of 1 - y²")
def _(dy, saved):
    return (dy * (1 - saved[0]),)


@bug("tanh", "only the last element is wrong, by a thousandth")
def _(dy, saved):
    dx = np.array(dy * (1 - saved[0] ** 2))
    dx.reshape(-1)[-1:] *= 1.001
    return (dx,)


@bug("sigmoid", "the factor 1 - y is missing")
def _(dy, saved):
    return (dy * saved[0],)


@bug("sigmoid", "writes into the saved array")
def _(dy, saved):
    (y,) = saved
    y *= 1 - y
    return (dy * y,)


@bug("relu", "dy passes on the negative side")
def _(dy, saved):
    return (dy,)


@bug("relu", "the slope of the negative side is 0.01")
def _(dy, saved):
    return (np.where(saved[0] > 0, dy, 0.01 * dy),)


changed("relu_squared", "the factor 2 is missing", lambda dx: (dx / 2,))


@bug("sqrt", "the factor 2 is missing")
def _(dy, saved):
    return (dy / saved[0],)


@bug("sqrt", "the derivative of x², not of its inverse")
def _(dy, saved):
    return (dy * 2 * saved[0],)


@bug("abs", "dy passes on both sides")
def _(dy, saved):
    return (dy,)


@bug("abs", "takes |dy|")
def _(dy, saved):
    return (np.abs(dy) * np.sign(saved[0]),)


@bug("clip", "dy passes also outside of the limits")
def _(dy, saved):
    return (dy,)


@bug("clip", "dy passes outside, and not inside")
def _(dy, saved):
    return (np.where(saved[0], 0, dy),)


@bug("gelu", "the derivative of the exact form, also for the tanh form")
def _(dy, saved):
    x, s, _ = saved
    return TABLE["gelu"].backward(dy, (x, s, "none"))


@bug("gelu", "the derivative of the step is missing")
def _(dy, saved):
    _, s, _ = saved
    return (dy * s,)


@bug("gelu", "x² without its factor 3 in the derivative of x³")
def _(dy, saved):
    x, s, approximate = saved
    (dx,) = TABLE["gelu"].backward(dy, saved)
    if approximate == "tanh":
        dx = dx - dy * 4 * x * s * (1 - s) * (2 / np.pi) ** 0.5 * 0.044715 * x * x
    return (dx,)


@bug("silu", "the sigmoid's derivative alone")
def _(dy, saved):
    _, s = saved
    return (dy * s * (1 - s),)


@bug("silu", "y in place of x in the derivative")
def _(dy, saved):
    x, s = saved
    return (dy * (s + x * s * s * (1 - s)),)


# -- a choice between two ------------------------------------------------------------------

changed("maximum", "the smaller input gets the gradient", lambda da, db: (db, da))


@bug("maximum", "each input gets dy, chosen or not")
def _(dy, saved):
    return sum_to_shape(dy, saved[2]), sum_to_shape(dy, saved[3])


@bug("maximum", "no sum over the broadcast axes")
def _(dy, saved):
    return np.where(saved[0], dy, 0), np.where(saved[1], dy, 0)


changed("minimum", "db has a minus, as in a - max(a - b, 0)", lambda da, db: (da, -db))


@bug("minimum", "half to each input, also without a tie")
def _(dy, saved):
    return sum_to_shape(dy / 2, saved[2]), sum_to_shape(dy / 2, saved[3])


@bug("where", "a and b are exchanged")
def _(dy, saved):
    condition, a_shape, b_shape = saved
    return TABLE["where"].backward(dy, (~condition, a_shape, b_shape))


@bug("where", "b gets dy everywhere")
def _(dy, saved):
    _, da, _ = TABLE["where"].backward(dy, saved)
    return None, da, sum_to_shape(dy, saved[2])


@bug("where", "no sum over the broadcast axes")
def _(dy, saved):
    return None, np.where(saved[0], dy, 0), np.where(saved[0], 0, dy)


@bug("masked_fill", "a hidden element gets dy, too")
def _(dy, saved):
    return dy, None


@bug("masked_fill", "only hidden elements get dy")
def _(dy, saved):
    return np.where(saved[0], dy, 0), None


# -- sums and moves ------------------------------------------------------------------------


@bug("cumulative_sum", "summed from the beginning, not from the end")
def _(dy, saved):
    return (np.cumsum(dy, axis=saved[0]),)


@bug("cumulative_sum", "an element's own place is left out")
def _(dy, saved):
    return (TABLE["cumulative_sum"].backward(dy, saved)[0] - dy,)


@bug("stack", "cut along the first axis, whatever the axis")
def _(dy, saved):
    _, M = saved
    return tuple(dy.reshape(M, -1)[m].reshape(np.delete(dy.shape, saved[0])) for m in range(M))


changed("stack", "the gradients come back in the wrong order", lambda *d: d[::-1])
changed("stack", "each gradient is that of the first array", lambda *d: (d[0],) * len(d))

changed("sum", "takes the absolute value", lambda dx: (np.abs(dx),))


@bug("sum", "dy is not used: ones")
def _(dy, saved):
    return (np.ones(saved[0]),)


@bug("mean", "not divided by the number of elements")
def _(dy, saved):
    return TABLE["sum"].backward(dy, saved)


@bug("mean", "divided by all elements, whatever the axes")
def _(dy, saved):
    return TABLE["sum"].backward(dy / max(1, np.prod(saved[0])), saved)


@bug("var", "divided by n, whatever the ddof")
def _(dy, saved):
    c, axes, _ = saved
    n = np.prod([c.shape[a] for a in axes])
    return TABLE["var"].backward(dy, (c, axes, n))


changed("var", "the factor 2 is missing", lambda dx: (dx / 2,))


@bug("max", "every element gets dy, as for a sum")
def _(dy, saved):
    is_y, axes = saved
    return TABLE["max"].backward(dy * np.sum(np.ones_like(is_y), axes), (is_y | True, axes))


changed("max", "one place too far", lambda dx: (np.roll(dx, 1),))
changed("min", "a minus is left over from -max(-x)", lambda dx: (-dx,))


@bug("min", "a mean instead of the smallest element's share")
def _(dy, saved):
    is_y, axes = saved
    return TABLE["min"].backward(dy, (is_y | True, axes))


@bug("softmax", "only the diagonal of the Jacobian: dy y (1 - y)")
def _(dy, saved):
    y, _ = saved
    return (dy * y * (1 - y),)


@bug("softmax", "the sum over the last axis, whatever the axis")
def _(dy, saved):
    y, _ = saved
    return (y * (dy - (dy * y).sum(axis=-1, keepdims=True)),)


@bug("softmax", "a plain mean of dy instead of one weighted by y")
def _(dy, saved):
    y, axes = saved
    return (y * (dy - dy.mean(axis=axes, keepdims=True)),)


@bug("log_softmax", "the logarithm y where the probability e^y belongs")
def _(dy, saved):
    y, axes = saved
    return (dy - y * dy.sum(axis=axes, keepdims=True),)


@bug("log_softmax", "right only where dy sums to 1: dy - e^y")
def _(dy, saved):
    return (dy - np.exp(saved[0]),)


@bug("reshape", "reads dy column by column")
def _(dy, saved):
    return (dy.reshape(saved[0], order="F"),)


@bug("transpose", "the same permutation again, not its inverse")
def _(dy, saved):
    return (dy.transpose(saved[0]),)


changed("concatenate", "the pieces come back in the wrong order", lambda *d: d[::-1])


@bug("index", "an element that is taken twice gets only the last")
def _(dy, saved):
    shape, key = saved
    dx = np.zeros(shape)
    dx[key] = dy
    return (dx,)


@bug("index", "+= with repeated ids, which counts each once")
def _(dy, saved):
    shape, key = saved
    dx = np.zeros(shape)
    dx[key] += dy
    return (dx,)


@bug("select_rows", "a row that is taken twice gets only the last")
def _(dy, saved):
    rows, shape = saved
    dx = np.zeros(shape)
    dx[rows] = dy
    return dx, None


changed("select_rows", "one row too low", lambda dx, _: (np.roll(dx, 1, axis=0), None))


# -- products ------------------------------------------------------------------------------


@bug("matmul", "b is not transposed")
def _(dy, saved):
    a, b = saved
    db = np.swapaxes(a, -1, -2) @ dy
    da = dy @ (b if b.shape[-1] == b.shape[-2] else np.swapaxes(b, -1, -2))
    return sum_to_shape(da, a.shape), sum_to_shape(db, b.shape)


@bug("matmul", "the gradient of a vector b keeps the axis of its column")
def _(dy, saved):
    da, db = TABLE["matmul"].backward(dy, saved)
    return da, db[:, None] if db.ndim == 1 else db


@bug("matmul", "the gradient of a vector is not summed over the batch")
def _(dy, saved):
    a, b = saved
    da, db = TABLE["matmul"].backward(dy, saved)
    return da, (dy[0] @ a[0] if a.ndim == 3 and b.ndim == 1 else db)


@bug("matmul", "takes the first of the broadcast batch instead of their sum")
def _(dy, saved):
    a, b = saved
    da, db = dy @ np.swapaxes(b, -1, -2), np.swapaxes(a, -1, -2) @ dy
    return da[(0,) * (da.ndim - a.ndim)], db[(0,) * (db.ndim - b.ndim)]


@bug("einsum", "the axes of each gradient in alphabetical order")
def _(dy, saved):
    _, _, inputs, _ = saved
    pairs = zip(TABLE["einsum"].backward(dy, saved), inputs, strict=True)
    return tuple(dx.transpose(np.argsort([*letters], kind="stable")) for dx, letters in pairs)


@bug("einsum", "a letter that only one array has divides its gradient")
def _(dy, saved):
    _, shapes, inputs, output = saved
    sizes = dict(zip("".join(inputs), [n for shape in shapes for n in shape], strict=True))
    own = [c for c in sizes if ("".join(inputs) + output).count(c) == 1]
    pairs = zip(TABLE["einsum"].backward(dy, saved), inputs, strict=True)
    return tuple(
        dx / max(1, np.prod([sizes[c] for c in own if c in letters])) for dx, letters in pairs
    )


@bug("einsum", "a mean over a stretched axis instead of a sum")
def _(dy, saved):
    _, shapes, inputs, _ = saved
    letters, gradients = "".join(inputs), TABLE["einsum"].backward(dy, saved)
    sizes = [n for shape in shapes for n in shape]
    full = {c: max(n for d, n in zip(letters, sizes, strict=True) if d == c) for c in letters}
    return tuple(
        dx / np.prod([full[c] for c, n in zip(term, dx.shape, strict=True) if n == 1])
        for dx, term in zip(gradients, inputs, strict=True)
    )


changed(
    "linear",
    "dw is laid out (in, out) in the shape (out, in)",
    lambda dx, dw, *db: (dx, dw.T.copy().reshape(dw.shape), *db),
)


@bug("linear", "the bias's gradient is a mean over positions")
def _(dy, saved):
    dx, dw, *db = TABLE["linear"].backward(dy, saved)
    return (dx, dw, *(d / max(1, dy.size // d.size) for d in db))


@bug("linear", "the positions of dy are reversed")
def _(dy, saved):
    dx, _, *db = TABLE["linear"].backward(dy, saved)
    reverse = np.flip(dy.reshape(-1, dy.shape[-1]), axis=0).reshape(dy.shape)
    return (dx, TABLE["linear"].backward(reverse, saved)[1], *db)


changed(
    "ternary_linear",
    "the true gradient, zero, instead of the surrogate's",
    lambda dx, dw: (dx, np.zeros_like(dw)),
)


changed(
    "ternary_weights",
    "the true gradient, zero, instead of the surrogate's",
    lambda dw: (np.zeros_like(dw),),
)

changed("ternary_weights", "the gradient is halved", lambda dw: (0.5 * dw,))


@bug("bit_linear", "dw from the normed activations, not from their 8 bits")
def _(dy, saved):
    x, r, g, t, _ = saved
    dx, _, dg = TABLE["bit_linear"].backward(dy, saved)
    return dx, dy.reshape(-1, len(t)).T @ (x * r * g).reshape(-1, g.size), dg


@bug("bit_linear", "only weights that were not rounded to 0 get a gradient")
def _(dy, saved):
    dx, dw, dg = TABLE["bit_linear"].backward(dy, saved)
    return dx, dw * (saved[3] != 0), dg


@bug("bit_linear", "dx without the scale of the weights")
def _(dy, saved):
    dx, dw, dg = TABLE["bit_linear"].backward(dy, saved)
    return dx / saved[4], dw, dg


@bug("bit_linear", "dx passes the norm straight through, too")
def _(dy, saved):
    x, r, g, t, m = saved
    dx = m * r * g * (dy.reshape(-1, len(t)) @ t).reshape(x.shape)
    return dx, *TABLE["bit_linear"].backward(dy, saved)[1:]


@bug("bit_linear", "the largest activation of a row gets no gradient")
def _(dy, saved):
    x, r, g, _, _ = saved
    dx, dw, dg = TABLE["bit_linear"].backward(dy, saved)
    a = np.abs(x * r * g)
    return np.where(a == a.max(axis=-1, keepdims=True), 0, dx), dw, dg


@bug("ternary_linear", "only weights that were kept get a gradient")
def _(dy, saved):
    dx, dw = TABLE["ternary_linear"].backward(dy, saved)
    return dx, dw * (saved[1] != 0)


@bug("ternary_linear", "dw is scaled like the weights")
def _(dy, saved):
    dx, dw = TABLE["ternary_linear"].backward(dy, saved)
    return dx, dw * np.abs(saved[1]).max()


@bug("ternary_linear", "dx lacks the scale")
def _(dy, saved):
    return dy @ np.sign(saved[1]), TABLE["ternary_linear"].backward(dy, saved)[1]


# -- convolution ---------------------------------------------------------------------------


def earlier(array, by):
    """Move the array `by` positions to the past and fill the last positions with zeros."""
    moved = np.zeros_like(array)
    moved[:, : max(0, array.shape[1] - by)] = array[:, by:]
    return moved


changed("causal_conv", "every tap one place off", lambda dx, dw: (earlier(dx, 1), dw))
changed("causal_conv", "the taps of dw are reversed", lambda dx, dw: (dx, dw[..., ::-1]))


@bug("causal_conv", "dx contains dy from beyond the reach of the taps")
def _(dy, saved):
    dx, dw = TABLE["causal_conv"].backward(dy, saved)
    x, w, _, dilation = saved
    reach = (w.shape[2] - 1) * dilation + 1
    return dx + earlier(np.ones_like(x) * dy.mean(axis=2, keepdims=True), reach), dw


@bug("causal_conv", "the dilation is ignored")
def _(dy, saved):
    x, w, groups, _ = saved
    return TABLE["causal_conv"].backward(dy, (x, w, groups, 1))


@bug("causal_conv", "the last position gets no gradient")
def _(dy, saved):
    dx, dw = TABLE["causal_conv"].backward(dy, saved)
    dx[:, -1] = 0
    return dx, dw


changed("depthwise_conv", "every tap one place off", lambda dx, dw: (earlier(dx, 1), dw))
changed("depthwise_conv", "the taps of dw are reversed", lambda dx, dw: (dx, dw[:, ::-1]))


@bug("depthwise_conv", "dw is summed over the channels")
def _(dy, saved):
    dx, dw = TABLE["depthwise_conv"].backward(dy, saved)
    return dx, np.broadcast_to(dw.sum(axis=0), dw.shape)


@bug("depthwise_conv", "dx with the taps reversed, as the forward has them")
def _(dy, saved):
    x, w = saved
    return TABLE["depthwise_conv"].backward(dy, (x, w[:, ::-1]))[0], TABLE[
        "depthwise_conv"
    ].backward(dy, saved)[1]


changed("gated_conv", "the weights' gradients are exchanged", lambda dx, dg, dv: (dx, dv, dg))


@bug("gated_conv", "x gets the gradient of the value only, not of the gate")
def _(dy, saved):
    x, w, s, v, K, dilation = saved
    _, dw_gate, dw_value = TABLE["gated_conv"].backward(dy, saved)
    w = w.copy()
    w[..., : w.shape[-1] // 2] = 0
    return TABLE["gated_conv"].backward(dy, (x, w, s, v, K, dilation))[0], dw_gate, dw_value


# -- attention -----------------------------------------------------------------------------


@bug("rotary", "turned once more, not back")
def _(dy, saved):
    cos, sin = saved
    return TABLE["rotary"].backward(dy, (cos, -sin))


@bug("rotary", "the positions are one off")
def _(dy, saved):
    return TABLE["rotary"].backward(dy, tuple(np.roll(a, 1, axis=0) for a in saved))


@bug("rotary", "the positions are counted from the end")
def _(dy, saved):
    return TABLE["rotary"].backward(dy, tuple(a[::-1] for a in saved))


@bug("rotary", "one half of the channels is turned once more")
def _(dy, saved):
    cos, sin = saved
    (right,), (wrong,) = (TABLE["rotary"].backward(dy, (cos, s)) for s in (sin, -sin))
    C = 2 * cos.shape[-1]
    return (np.where(np.arange(dy.shape[2]) % C < C // 2, right, wrong),)


changed("causal_attention", "dq and dk are exchanged", lambda dq, dk, dv: (dk, dq, dv))
changed(
    "causal_attention",
    "the scale is missing",
    lambda dq, dk, dv: (2 * dq, 2 * dk, dv),
)


def attention(dy, saved, mask=lambda p: p, along=-1, mean=True):
    """The backward of causal_attention, with room for mistakes."""
    q, k, v, (p,), G = saved  # the texts of the cases are one block
    B, T, D = q.shape
    q, k, v, dy = (x.reshape(B, T, G, -1).swapaxes(1, 2) for x in (q, k, v, dy))
    p = mask(p)
    dp = dy @ v.swapaxes(2, 3)
    ds = p * (dp - (p * dp).sum(axis=along, keepdims=True) * mean) * (D // G) ** -0.5
    gradients = ds @ k, ds.swapaxes(2, 3) @ q, p.swapaxes(2, 3) @ dy
    return tuple(x.swapaxes(1, 2).reshape(B, T, D) for x in gradients)


@bug("causal_attention", "softmax's sum runs over the wrong axis")
def _(dy, saved):
    return attention(dy, saved, along=-2)


@bug("causal_attention", "the mean of dp is not subtracted")
def _(dy, saved):
    return attention(dy, saved, mean=False)


@bug("causal_attention", "the mask hides the present position, too")
def _(dy, saved):
    return attention(dy, saved, mask=lambda p: np.tril(p, -1))


@bug("causal_attention", "dv is not the sum over later positions, but over earlier ones")
def _(dy, saved):
    q, k, v, (p,), heads = saved
    dq, dk, _ = TABLE["causal_attention"].backward(dy, saved)
    return dq, dk, attention(dy, (q, k, v, [p.swapaxes(2, 3)], heads))[2]


# -- gates and norm ------------------------------------------------------------------------

changed("sigmoid_gate", "the gradients are in the wrong order", lambda dg, dv: (dv, dg))


@bug("sigmoid_gate", "the factor 1 - σ is missing")
def _(dy, saved):
    s, v = saved
    return dy * s * v, dy * s


changed("relu_squared_gate", "the factor 2 is missing", lambda dg, dv: (dg / 2, dv))


@bug("relu_squared_gate", "dv has the gate, not its square")
def _(dy, saved):
    r, v = saved
    return 2 * dy * r * v, dy * r


@bug("silu_gate", "the slope of the sigmoid alone")
def _(dy, saved):
    g, s, v = saved
    return dy * v * g * s * (1 - s), dy * g * s


@bug("silu_gate", "dv has the sigmoid, not the SiLU")
def _(dy, saved):
    _, s, _ = saved
    return TABLE["silu_gate"].backward(dy, saved)[0], dy * s


changed("gated_norm", "the arrays' gradients are exchanged", lambda dx, dh, dw: (dh, dx, dw))


@bug("gated_norm", "the gate has the slope of the sigmoid")
def _(dy, saved):
    x, h, w, r = saved
    dx, _, dw = TABLE["gated_norm"].backward(dy, saved)
    s = 1 / (1 + np.exp(-h))
    return dx, dy * w * x * r * s * (1 - s), dw


@bug("gated_norm", "the term through r is missing")
def _(dy, saved):
    _, h, w, r = saved
    return dy * w * r * h / (1 + np.exp(-h)), *TABLE["gated_norm"].backward(dy, saved)[1:]


@bug("gated_norm", "dw from x instead of the normed x")
def _(dy, saved):
    x, h, w, _ = saved
    dw = (dy * x * h / (1 + np.exp(-h))).reshape(-1, w.size).sum(axis=0)
    return *TABLE["gated_norm"].backward(dy, saved)[:2], dw


@bug("mlgru", "the state is taken as constant: nothing flows back through it")
def _(dy, saved):
    a, s, h, b, h0 = saved
    f, s_a = b + (1 - b) * s, 1 / (1 + np.exp(-a))
    past = np.concatenate([h0[:, None], h[:, :-1]], axis=1)[:, : a.shape[1]]
    ds = dy * (past - a * s_a) * (1 - s)
    da = dy * (1 - f) * s_a * (1 + a * (1 - s_a))
    dh0 = (f * dy)[:, :1].sum(axis=1)
    return da, ds * (1 - b) * s, ds.reshape(-1, b.size).sum(axis=0), dh0


@bug("mlgru", "λ decays by f of its own position, not of the next one")
def _(dy, saved):
    a, s, h, b, h0 = saved
    right = TABLE["mlgru"].backward(dy, saved)
    shifted = np.concatenate([s[:, :1], s[:, :-1]], axis=1)[:, : a.shape[1]]
    return TABLE["mlgru"].backward(dy, (a, shifted, h, b, h0))[0], *right[1:]


@bug("mlgru", "λ ends at the border of a chunk")
def _(dy, saved):
    a, s, h, b, h0 = saved
    cut = a.shape[1] // 2
    before, after = slice(cut), slice(cut, None)
    border = h[:, cut - 1] if cut else h0
    first = TABLE["mlgru"].backward(
        dy[:, before], (a[:, before], s[:, before], h[:, before], b, h0)
    )
    second = TABLE["mlgru"].backward(
        dy[:, after], (a[:, after], s[:, after], h[:, after], b, border)
    )
    da, dz = (np.concatenate(both, axis=1) for both in zip(first[:2], second[:2], strict=True))
    return da, dz, first[2] + second[2], first[3]


@bug("mlgru", "df has the state itself, not the one before it")
def _(dy, saved):
    a, s, h, b, h0 = saved
    right = TABLE["mlgru"].backward(dy, saved)
    moved = np.concatenate([h[:, 1:], h[:, -1:]], axis=1)
    wrong = TABLE["mlgru"].backward(dy, (a, s, moved, b, h[:, 0] if h.shape[1] else h0))
    return right[0], wrong[1], wrong[2], right[3]


@bug("mlgru", "the given state is cut: dh0 is 0")
def _(dy, saved):
    da, dz, db, dh0 = TABLE["mlgru"].backward(dy, saved)
    return da, dz, db, np.zeros_like(dh0)


@bug("mlgru", "dz lacks the factor 1 - b of the bound")
def _(dy, saved):
    b = saved[3]
    da, dz, db, dh0 = TABLE["mlgru"].backward(dy, saved)
    return da, dz / np.where(b == 1, 1, 1 - b), db, dh0


@bug("mlgru", "db lacks the factor 1 - s")
def _(dy, saved):
    _, s, _, b, _ = saved
    da, dz, _, dh0 = TABLE["mlgru"].backward(dy, saved)
    df = dz / (np.where(b == 1, 1, 1 - b) * s * (1 - s))
    return da, dz, df.reshape(-1, b.size).sum(axis=0), dh0


@bug("mlgru", "the slope of the candidate is that of the sigmoid")
def _(dy, saved):
    a = saved[0]
    da, *others = TABLE["mlgru"].backward(dy, saved)
    s_a = 1 / (1 + np.exp(-a))
    return da / (1 + a * (1 - s_a)) * (1 - s_a), *others


@bug("rms_norm", "the term through r is missing")
def _(dy, saved):
    _, w, r = saved
    return r * dy * w, TABLE["rms_norm"].backward(dy, saved)[1]


@bug("rms_norm", "a sum where the page has a mean")
def _(dy, saved):
    x, w, r = saved
    n, dn = x * r, dy * w
    dx = r * (dn - n * (dn * n).sum(axis=-1, keepdims=True))
    return dx, TABLE["rms_norm"].backward(dy, saved)[1]


@bug("rms_norm", "dw from x instead of the normed x")
def _(dy, saved):
    x, w, _ = saved
    dx, _ = TABLE["rms_norm"].backward(dy, saved)
    return dx, (dy * x).reshape(-1, w.size).sum(axis=0)


@bug("rms_norm", "dw is a mean over positions")
def _(dy, saved):
    dx, dw = TABLE["rms_norm"].backward(dy, saved)
    return dx, dw * dw.size / dy.size


@bug("layer_norm", "the mean of dn is not removed")
def _(dy, saved):
    n, w, r = saved
    dn = dy * w
    dx = r * (dn - n * (dn * n).mean(axis=-1, keepdims=True))
    return dx, *TABLE["layer_norm"].backward(dy, saved)[1:]


@bug("layer_norm", "r is taken as a constant")
def _(dy, saved):
    _, w, r = saved
    dn = dy * w
    dx = r * (dn - dn.mean(axis=-1, keepdims=True))
    return dx, *TABLE["layer_norm"].backward(dy, saved)[1:]


@bug("layer_norm", "the mean of dn is that of all positions")
def _(dy, saved):
    n, w, r = saved
    dn = dy * w
    mean = dn.sum() / max(1, dn.size)
    dx = r * (dn - mean - n * (dn * n).mean(axis=-1, keepdims=True))
    return dx, *TABLE["layer_norm"].backward(dy, saved)[1:]


changed(
    "layer_norm",
    "the gradients of gain and offset are exchanged",
    lambda dx, dw, db: (dx, db, dw),
)


@bug("dropout", "the factor 1/(1 - p) is missing")
def _(dy, saved):
    k, _ = saved
    return (dy * k,)


@bug("dropout", "dy passes where y is 0")
def _(dy, saved):
    _, p = saved
    return (dy / (1 - p),)


@bug("dropout", "draws once more, not the elements that the forward kept")
def _(dy, saved):
    k, p = saved
    again = np.random.default_rng(0).random(k.shape) >= p
    return (dy * again / (1 - p),)


# -- tables and losses ---------------------------------------------------------------------


@bug("embedding", "an id that repeats gets only its last position's gradient")
def _(dy, saved):
    ids, shape = saved
    dw = np.zeros(shape)
    dw[ids] = dy
    return dw, None


@bug("embedding", "rows one id too high")
def _(dy, saved):
    ids, shape = saved
    rows = (ids.ravel().astype(int) + 1) % shape[0]
    return RowGradient(rows, dy.reshape(-1, shape[1]), shape), None


@bug("cross_entropy", "the z-loss term is missing")
def _(dy, saved):
    z, lse, y, label_smoothing, _ = saved
    return TABLE["cross_entropy"].backward(dy, (z, lse, y, label_smoothing, 0.0))


@bug("cross_entropy", "the z-loss lacks its factor 2")
def _(dy, saved):
    z, lse, y, label_smoothing, z_loss = saved
    return TABLE["cross_entropy"].backward(dy, (z, lse, y, label_smoothing, z_loss / 2))


@bug("cross_entropy", "smoothing is divided among V - 1 tokens")
def _(dy, saved):
    z, _, _, label_smoothing, _ = saved
    (N, V), (dz, _) = z.shape, TABLE["cross_entropy"].backward(dy, saved)
    return dz + dy / N * label_smoothing * (1 / V - 1 / (V - 1)), None


@bug("cross_entropy", "the one-hot is not reduced by the smoothing")
def _(dy, saved):
    _, _, y, label_smoothing, _ = saved
    dz, _ = TABLE["cross_entropy"].backward(dy, saved)
    dz[np.arange(len(y)), y] -= dy / len(y) * label_smoothing
    return dz, None


@bug("cross_entropy", "the one-hot is one token id too high")
def _(dy, saved):
    z, lse, y, label_smoothing, z_loss = saved
    y = (y + 1) % z.shape[1]
    return TABLE["cross_entropy"].backward(dy, (z, lse, y, label_smoothing, z_loss))


@bug("cross_entropy", "a sum over rows instead of a mean")
def _(dy, saved):
    dz, _ = TABLE["cross_entropy"].backward(dy, saved)
    return dz * len(dz), None


@bug("cross_entropy", "dy is not used")
def _(dy, saved):
    return TABLE["cross_entropy"].backward(np.ones(()), saved)


changed(
    "tied_head",
    "dw of the output table is zero",
    lambda dh, dw, _: (dh, np.zeros_like(dw), None),
)


@bug("tied_head", "the last token is left out of the last block")
def _(dy, saved):
    dh, dw, _ = TABLE["tied_head"].backward(dy, saved)
    return dh, np.concatenate([dw[:-1], np.zeros_like(dw[:1])]), None


@bug("tied_head", "dy is not used")
def _(dy, saved):
    return TABLE["tied_head"].backward(np.ones(()), saved)
