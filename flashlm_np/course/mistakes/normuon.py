"""newton_schulz, normuon."""

from __future__ import annotations

import numpy as np

from minigrad.optim import normuon

from .registry import mistake


def _newton_schulz(g, steps=5, *, normed=True, square=np.matmul):
    a, b, c = normuon.COEFFICIENTS
    x = g / (np.linalg.norm(g) + 1e-7) if normed else g
    for _ in range(steps):
        A = x @ x.T
        x = a * x + (b * A + c * square(A, A)) @ x
    return x


@mistake("newton_schulz", "x", "g was not divided by its norm first.")
def _(g, steps=5):
    return _newton_schulz(g, steps, normed=False)


@mistake(
    "newton_schulz", "x", "(x xᵀ)² is a matrix product, A @ A; A * A squares each element."
)
def _(g, steps=5):
    return _newton_schulz(g, steps, square=np.multiply)


@mistake("newton_schulz", "x", "one step is missing.")
def _(g, steps=5):
    return _newton_schulz(g, steps - 1)


@mistake(
    "newton_schulz", "x", "that is U Vᵀ itself; the steps of the page end near it, not at it."
)
def _(g, steps=5):
    if not g.any():
        return g
    u, _, vt = np.linalg.svd(g, full_matrices=False)
    return u @ vt


def _normuon(p, g, m, v, **options):
    """p, m and v after a step, in new arrays."""
    arrays = [np.array(a) for a in (p, g, m, v)]
    normuon.normuon_update(*arrays, **options)
    return dict(zip("pgmv", arrays, strict=True))


def _direction(g, m, beta1=0.95, form="v3"):
    m = beta1 * m + (1 - beta1) * g
    u = m if form == "v3" else beta1 * m + (1 - beta1) * g
    return normuon.newton_schulz(u)


@mistake("normuon_update", "m", "β₁ and 1 - β₁ are exchanged.")
def _(p, g, m, v, beta1=0.95, **options):
    return (1 - beta1) * m + beta1 * g


@mistake("normuon_update", "v", "a sum over each row stands where the page has a mean.")
def _(p, g, m, v, lr, beta1=0.95, beta2=0.999, form="v3", **options):
    o = _direction(g, m, beta1, form)
    return beta2 * v + (1 - beta2) * (o * o).sum(axis=1, keepdims=True)


@mistake("normuon_update", "v", "v has the mean of g²; it is of O², after newton_schulz.")
def _(p, g, m, v, lr, beta2=0.999, **options):
    return beta2 * v + (1 - beta2) * (g * g).mean(axis=1, keepdims=True)


@mistake("normuon_update", "v", "v has the root of the mean; √ comes later, in Ô.")
def _(p, g, m, v, lr, beta1=0.95, beta2=0.999, form="v3", **options):
    o = _direction(g, m, beta1, form)
    return beta2 * v + (1 - beta2) * np.sqrt((o * o).mean(axis=1, keepdims=True))


@mistake("normuon_update", "p", "the step is Ô alone: its size is missing.")
def _(p, g, m, v, *, lr, eps=1e-8, weight_decay=0.0, beta1=0.95, form="v3", **options):
    after = _normuon(p, g, m, v, lr=lr, eps=eps, beta1=beta1, form=form, **options)["v"]
    evened = _direction(g, m, beta1, form) / (np.sqrt(after) + eps)
    return p * (1 - lr * weight_decay) - lr * evened


@mistake("normuon_update", "p", "the weight decay takes from p after the step, not before.")
def _(weight_decay=0.0, **case):
    return _normuon(**case)["p"] * (1 - case["lr"] * weight_decay)
