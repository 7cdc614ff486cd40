"""Usual mistakes in adamw, newton_schulz and normuon."""

from __future__ import annotations

import numpy as np

from minigrad.optim.adamw import adamw_update
from minigrad.optim.normuon import COEFFICIENTS, newton_schulz, normuon_update


def _adamw(p, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, *, form="right"):
    """p after a step of AdamW, or of a form that is wrong in one thing."""
    m = betas[0] * m + (1 - betas[0]) * g
    v = betas[1] * v + (1 - betas[1]) * g * g
    if form != "not corrected":
        m, v = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    root = np.sqrt(v + eps) if form == "eps under the root" else np.sqrt(v) + eps
    return p - lr * weight_decay * p - lr * m / root


def _newton_schulz(g, steps=5, *, divide=True, square=np.matmul):
    a, b, c = COEFFICIENTS
    x = g / (np.linalg.norm(g) + 1e-7) if divide else g
    for _ in range(steps):
        A = x @ x.T
        x = a * x + (b * A + c * square(A, A)) @ x
    return x


def _orthogonal(g, steps=5):
    if not g.any():
        return g
    u, _, vt = np.linalg.svd(g, full_matrices=False)
    return u @ vt


def _normuon(p, g, m, v, **options):
    """p, m and v after a step, in new arrays."""
    arrays = [np.array(a) for a in (p, g, m, v)]
    normuon_update(*arrays, **options)
    return dict(zip("pgmv", arrays, strict=True))


def _direction(g, m, beta1=0.95, form="v3"):
    m = beta1 * m + (1 - beta1) * g
    return newton_schulz(m if form == "v3" else beta1 * m + (1 - beta1) * g)


def _v(change, p, g, m, v, lr, beta1=0.95, beta2=0.999, form="v3", **options):
    """v after a step with another function of O than its mean square."""
    return beta2 * v + (1 - beta2) * change(_direction(g, m, beta1, form))


def _without_size(p, g, m, v, lr, eps=1e-8, weight_decay=0.0, beta1=0.95, form="v3", **options):
    v = _normuon(p, g, m, v, lr=lr, eps=eps, beta1=beta1, form=form, **options)["v"]
    normalized = _direction(g, m, beta1, form) / (np.sqrt(v) + eps)
    return p * (1 - lr * weight_decay) - lr * normalized


def _row_mean(array):
    return array.mean(axis=1, keepdims=True)


MISTAKES = {
    (adamw_update, "m"): [
        (
            "β₁ and 1 - β₁ are exchanged.",
            lambda g, m, betas=(0.9, 0.999), **case: (1 - betas[0]) * m + betas[0] * g,
        ),
        (
            "the weight decay is in the gradient, as in Adam with L2; in AdamW it bypasses m "
            "and v.",
            lambda p, g, m, betas=(0.9, 0.999), weight_decay=0.0, **case: (
                betas[0] * m + (1 - betas[0]) * (g + weight_decay * p)
            ),
        ),
    ],
    (adamw_update, "v"): [
        (
            "β₂ and 1 - β₂ are exchanged.",
            lambda g, v, betas=(0.9, 0.999), **case: (1 - betas[1]) * v + betas[1] * g * g,
        ),
        (
            "v has the mean of g; it is the mean of g².",
            lambda g, v, betas=(0.9, 0.999), **case: betas[1] * v + (1 - betas[1]) * g,
        ),
    ],
    (adamw_update, "p"): [
        (
            "m and v are not corrected: m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ).",
            lambda **case: _adamw(**case, form="not corrected"),
        ),
        (
            "ε stands under the root; it is added to √v̂.",
            lambda **case: _adamw(**case, form="eps under the root"),
        ),
        (
            "t counts from 1 already; 1 - βᵗ, not 1 - βᵗ⁺¹.",
            lambda t, **case: _adamw(t=t + 1, **case),
        ),
        (
            "the weight decay lacks its factor lr.",
            lambda lr, weight_decay=0.0, **case: _adamw(
                lr=lr, weight_decay=weight_decay / lr, **case
            ),
        ),
        (
            "the weight decay multiplies p after the step; it must come before.",
            lambda lr, weight_decay=0.0, **case: (
                _adamw(lr=lr, **case) * (1 - lr * weight_decay)
            ),
        ),
    ],
    (newton_schulz, "x"): [
        (
            "g was not divided by its norm first.",
            lambda g, steps=5: _newton_schulz(g, steps, divide=False),
        ),
        (
            "(x xᵀ)² is a matrix product, A @ A; A * A squares each element.",
            lambda g, steps=5: _newton_schulz(g, steps, square=np.multiply),
        ),
        ("one step is missing.", lambda g, steps=5: newton_schulz(g, steps - 1)),
        ("this is U Vᵀ itself; the steps of the page end near it, not at it.", _orthogonal),
    ],
    (normuon_update, "m"): [
        (
            "β₁ and 1 - β₁ are exchanged.",
            lambda g, m, beta1=0.95, **case: (1 - beta1) * m + beta1 * g,
        )
    ],
    (normuon_update, "v"): [
        (
            "the code has a sum over each row where the page has a mean.",
            lambda **case: _v(lambda o: (o * o).sum(axis=1, keepdims=True), **case),
        ),
        (
            "v has the mean of g²; it is the mean of O², after newton_schulz.",
            lambda g, **case: _v(lambda o: _row_mean(g * g), g=g, **case),
        ),
        (
            "v has the root of the mean; √ comes later, in Ô.",
            lambda **case: _v(lambda o: np.sqrt(_row_mean(o * o)), **case),
        ),
    ],
    (normuon_update, "p"): [
        ("the step is Ô alone: its size is missing.", _without_size),
        (
            "the weight decay multiplies p after the step; it must come before.",
            lambda lr, weight_decay=0.0, **case: (
                _normuon(lr=lr, **case)["p"] * (1 - lr * weight_decay)
            ),
        ),
    ],
}
