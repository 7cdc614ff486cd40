"""ternarize, ternary_linear."""

from __future__ import annotations

import numpy as np

from minigrad.ops.ternary import ternarize

from .registry import mistake


@mistake(
    "ternarize", "T", "a weight of exactly τ counts as above it; T is +1 only where w > τ."
)
def _(w, threshold=1.0, scale="none"):
    tau = threshold * np.abs(w).mean()
    return (w >= tau) * 1.0 - (w <= -tau) * 1.0


@mistake("ternarize", "T", "T is the sign of w: the threshold τ is missing.")
def _(w, threshold=1.0, scale="none"):
    return np.sign(w)


@mistake("ternarize", "T", "τ is made of the mean of w, where the page has the mean of |w|.")
def _(w, threshold=1.0, scale="none"):
    tau = threshold * w.mean()
    return (w > tau) * 1.0 - (w < -tau) * 1.0


@mistake("ternarize", "T", "τ is taken row by row; the page takes it over the whole matrix.")
def _(w, threshold=1.0, scale="none"):
    tau = threshold * np.abs(w).mean(axis=-1, keepdims=True)
    return (w > tau) * 1.0 - (w < -tau) * 1.0


@mistake("ternarize", "s", "s is mean |w| whatever the scale; see its three forms.")
def _(w, threshold=1.0, scale="none"):
    return np.abs(w).mean()


@mistake("ternary_linear_forward", "y", "the scale s is missing.")
def _(x, w, **options):
    return x @ ternarize(w, **options)[0].T


@mistake("ternary_linear_forward", "y", "w itself was used, not s T.")
def _(x, w, **options):
    return x @ w.T


@mistake("ternary_linear_backward", "x", "dx is dy w: the product was with s T, not with w.")
def _(x, w, dy, **options):
    return dy @ w


@mistake("ternary_linear_backward", "x", "the scale s is missing in dx.")
def _(x, w, dy, **options):
    return dy @ ternarize(w, **options)[0]


@mistake(
    "ternary_linear_backward",
    "w",
    "only weights that were kept have a gradient. It passes straight through to all of them.",
)
def _(x, w, dy, **options):
    return _dw(dy, x) * (ternarize(w, **options)[0] != 0)


@mistake("ternary_linear_backward", "w", "dw is scaled by s; the surrogate has s T + w - w₀.")
def _(x, w, dy, **options):
    return _dw(dy, x) * ternarize(w, **options)[1]


def _dw(dy, x):
    return dy.reshape(-1, dy.shape[-1]).T @ x.reshape(-1, x.shape[-1])
