"""rms_norm, embedding, causal_conv."""

from __future__ import annotations

import numpy as np

from minigrad.ops import TABLE

from .registry import mistake


def _r(x, eps=1e-8):
    return ((x * x).mean(axis=-1, keepdims=True) + eps) ** -0.5


@mistake("rms_norm_forward", "y", "the rows are divided by the mean square, not by its root.")
def _(x, w, eps=1e-8):
    return x * _r(x, eps) ** 2 * w


@mistake("rms_norm_forward", "y", "a sum of squares stands where the page has their mean.")
def _(x, w, eps=1e-8):
    return x * ((x * x).sum(axis=-1, keepdims=True) + eps) ** -0.5 * w


@mistake("rms_norm_forward", "y", "the mean runs over the whole array, not over each row.")
def _(x, w, eps=1e-8):
    return x * ((x * x).mean() + eps) ** -0.5 * w


@mistake(
    "rms_norm_forward", "y", "ε was added to the root; it belongs under it, to the mean square."
)
def _(x, w, eps=1e-8):
    return x / ((x * x).mean(axis=-1, keepdims=True) ** 0.5 + eps) * w


@mistake("rms_norm_forward", "y", "the gain w is missing.")
def _(x, w, eps=1e-8):
    return x * _r(x, eps)


@mistake(
    "rms_norm_backward",
    "x",
    "dx is r dn: r depends on every x of its row, too, and that part, -r n mean(dn n), is "
    "missing.",
)
def _(x, w, dy, eps=1e-8):
    return _r(x, eps) * dy * w


@mistake("rms_norm_backward", "x", "a sum over the row stands where the page has a mean.")
def _(x, w, dy, eps=1e-8):
    n, dn = x * _r(x, eps), dy * w
    return _r(x, eps) * (dn - n * (dn * n).sum(axis=-1, keepdims=True))


@mistake("rms_norm_backward", "x", "x stands where the page has n = r x.")
def _(x, w, dy, eps=1e-8):
    n, dn = x * _r(x, eps), dy * w
    return _r(x, eps) * (dn - x * (dn * n).mean(axis=-1, keepdims=True))


@mistake("rms_norm_backward", "x", "the mean runs over the whole array, not over each row.")
def _(x, w, dy, eps=1e-8):
    n, dn = x * _r(x, eps), dy * w
    return _r(x, eps) * (dn - n * (dn * n).mean())


@mistake("rms_norm_backward", "x", "dn is dy, without w.")
def _(x, w, dy, eps=1e-8):
    n = x * _r(x, eps)
    return _r(x, eps) * (dy - n * (dy * n).mean(axis=-1, keepdims=True))


@mistake(
    "rms_norm_backward", "w", "dw is a sum of dy x: w was multiplied by n = r x, not by x."
)
def _(x, w, dy, eps=1e-8):
    return (dy * x).reshape(-1, w.size).sum(axis=0)


@mistake(
    "embedding_backward",
    "w",
    "+= is missing: an id that repeats gets only its last position's gradient. dw[ids] += dy "
    "does not help, because NumPy adds to each id once; np.add.at, a loop, or a RowGradient "
    "does.",
)
def _(w, ids, dy):
    dw = np.zeros(w.shape)
    dw[ids] = dy
    return dw


@mistake(
    "causal_conv_forward",
    "y",
    "the taps are in reversed order: the last one sees the present, lag_k = (K-1-k)·dilation.",
)
def _(x, w, **options):
    return TABLE["causal_conv"].forward(x, w[..., ::-1], **options)[0]


GROUP = "group(o) = o // (O/G): outputs that are neighbours share a group."


@mistake("causal_conv_forward", "y", f"every output sees the first group's channels. {GROUP}")
def _(x, w, groups=1, **options):
    first = np.tile(x[..., : w.shape[1]], groups)
    return TABLE["causal_conv"].forward(first, w, groups=groups, **options)[0]


@mistake("causal_conv_forward", "y", f"outputs are dealt out to the groups in turn. {GROUP}")
def _(x, w, groups=1, **options):
    dealt = np.argsort(np.arange(len(w)) % groups, kind="stable")
    y, _ = TABLE["causal_conv"].forward(x, w[dealt], groups=groups, **options)
    return y[..., np.argsort(dealt)]


@mistake("causal_conv_backward", "x", "the taps are in reversed order in dx.")
def _(x, w, dy, **options):
    _, saved = TABLE["causal_conv"].forward(x, w[..., ::-1], **options)
    return TABLE["causal_conv"].backward(dy, saved)[0]


@mistake("causal_conv_backward", "w", "the taps are in reversed order in dw.")
def _(x, w, dy, **options):
    _, saved = TABLE["causal_conv"].forward(x, w, **options)
    return TABLE["causal_conv"].backward(dy, saved)[1][..., ::-1]
