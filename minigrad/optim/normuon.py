"""NorMuon: an update that moves all directions of a matrix equally, and its rows equally.

Any matrix is U @ S @ Vᵀ: it stretches direction i (column i of V) by the singular value S_i,
and turns it to column i of U. The directions are at right angles. A gradient has few large
singular values and many small ones. `newton_schulz` moves all of them near 1.

    m ← β₁ m + (1-β₁) g                         the recent mean of the gradient   (O, D)
    u = m, or β₁ m + (1-β₁) g, Nesterov's momentum
    q = newton_schulz(u)                  nearly U @ Vᵀ, where u = U @ S @ Vᵀ     (O, D)
    v ← β₂ v + (1-β₂) mean over each row of q²                                    (O, 1)
    q̂ = q / (√v + ε)                            all rows move about equally       (O, D)
    p ← p - lr·λ p - lr · size/(‖q̂‖_F + ε) · q̂

‖q̂‖_F is the root of the sum of squares. The division by it removes any common factor of v. So
v needs no correction for its start at 0, as AdamW's does.

v3's form       β₂ = 0.999, no Nesterov, size = 0.2·√(O·D): without the decay λ, every step has
                the root mean square 0.2·lr
published form  β₂ = 0.95, Nesterov, size = ‖q‖_F · √max(1, O/D)

source   Muon: Jordan et al. 2024, kellerjordan.github.io/posts/muon; NorMuon: Li et al. 2025,
         arXiv:2510.05491, algorithm 1 and its authors' code; v3's form: FlashLM v3's notebook
"""

import numpy as np

from .norms import with_finite_norm
from .optimizer import Optimizer

FORMS = ("v3", "published")
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def newton_schulz(g, steps=5):
    """Nearly U @ Vᵀ for g = U @ S @ Vᵀ: the singular values of g, moved near 1.

    x @ xᵀ = U @ S² @ Uᵀ, so a step maps each singular value s of x to a s + b s³ + c s⁵.
    Its slope at 0 is steep, so that five steps are enough. The values end between about 0.7 and
    1.2, not at 1; those below a thousandth of ‖g‖_F end lower.

    Example:
        >>> g = np.random.default_rng(0).standard_normal((5, 3))
        >>> s = np.linalg.svd(newton_schulz(g), compute_uv=False)
        >>> bool(0.6 < s.min() and s.max() < 1.3)
        True
    """
    a, b, c = COEFFICIENTS
    x = g / (np.linalg.norm(g) + 1e-7)  # now all singular values are at most 1
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T.copy()  # so that x @ xᵀ is the smaller of the two squares; a view is slower
    for _ in range(steps):
        A = x @ x.T  # (O, O), or (D, D) if tall
        B = b * A + c * (A @ A)
        x = a * x + B @ x  # products only: cheap, where an exact U Vᵀ needs an SVD
    return x.T if tall else x


def normuon_update(
    p, g, m, v, *, lr, beta1=0.95, beta2=0.999, eps=1e-8, weight_decay=0.0, form="v3"
):
    """One step on p, m and v (one number per row of p), in place. `form` is explained above."""
    O, D = p.shape
    m += (1 - beta1) * (g - m)  # the same as β₁ m + (1-β₁) g
    u = m if form == "v3" else beta1 * m + (1 - beta1) * g  # Nesterov looks one step ahead
    q = newton_schulz(u)  # (O, D); raises the small singular values to the large ones
    v += (1 - beta2) * ((q * q).mean(axis=1, keepdims=True) - v)  # (O, 1)
    q_hat = q / (np.sqrt(v) + eps)  # (O, D)
    # The size of g never enters. In v3's form, lr and the shape of p give the step's length.
    if form == "v3":
        size = 0.2 * (O * D) ** 0.5
    else:
        size = float(np.linalg.norm(q)) * max(1, O / D) ** 0.5
    p *= 1 - lr * weight_decay  # apart from m, as in AdamW
    p -= lr * size / (float(np.linalg.norm(q_hat)) + eps) * q_hat


class NorMuon(Optimizer):
    """NorMuon on matrices. `form` "v3" is FlashLM's; "published" is its authors'.

    Args:
        parameters: a model that has only matrices, or matrices in any form.
        lr: step size; `step(factor)` multiplies it by a schedule's factor.
        beta1: momentum; beta2: memory of the rows' squares, by default the form's own
            (0.999 in v3, 0.95 as published).
    """

    squares = ("v",)  # never below 0, in a state that is loaded as well

    def __init__(
        self, parameters, *, lr, beta1=0.95, beta2=None, eps=1e-8, weight_decay=0.0, form="v3"
    ):
        if form not in FORMS:
            raise ValueError(f"NorMuon: form is {form!r}, expected one of {FORMS}")
        beta2 = {"v3": 0.999, "published": 0.95}[form] if beta2 is None else beta2
        options = {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, lr, form=form, **options)
        for name, p in self.parameters.items():
            if p.ndim != 2:  # a vector has no singular values to even out
                raise ValueError(f"NorMuon: {name} {p.shape} is not a matrix; use AdamW")

    def new_state(self, p):
        # One number of v per row: AdamW keeps one per weight.
        return {"m": np.zeros_like(p), "v": np.zeros((p.shape[0], 1), p.dtype)}

    def update(self, p, g, state, t, lr):
        g = with_finite_norm(g)  # matters only for a norm beyond 1.8e19 in float32
        normuon_update(p, g, state["m"], state["v"], lr=lr, **self.options)
