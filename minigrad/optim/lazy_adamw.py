"""LazyAdamW: AdamW for a table of which each step uses a few rows. Only those rows move.

    p[i] is row i of the table, g[i] its gradient, t the number of the step, from 1
    p[i] ← p[i] - lr·λ p[i]          every row: the weight decay is AdamW's
    then each row i with a gradient that is not all 0, and whose last such step was s (0: none):
    m[i] ← β₁ᵗ⁻ˢ m[i] + (1-β₁) g[i]          the t-s-1 steps between had the gradient 0, and
    v[i] ← β₂ᵗ⁻ˢ v[i] + (1-β₂) g[i]²         each made m and v smaller by the factors β₁, β₂
    p[i] ← p[i] - (lr/c₁) · m[i] / (√v[i]/√c₂ + ε),  c₁ = 1 - β₁ᵗ,  c₂ = 1 - β₂ᵗ

So m and v are AdamW's at each step of a row. One thing differs. After its last gradient, AdamW
moves a row on along its old m, a shorter way at each step. Here these moves are left out. If
every row has a gradient at every step, both optimizers are the same.

A step reads and writes only the used rows of p, m and v. With λ > 0 it also passes over p once.

source   the lazy form of Adam in TensorFlow Addons (LazyAdam) and PyTorch (SparseAdam). They
         let m and v of a row wait without a decay; here the decay is exact
"""

import numpy as np

from .adamw import AdamW, adamw_update
from .norms import with_finite_squares


def lazy_adamw_update(
    p, ids, g, m, v, last, t, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0
):
    """Step number t (from 1) on p, m, v (V, D) and last (V,), in place.

    g (N, D) is the gradient of the rows `ids` (N,), each of which occurs once. last[i] is the
    number of row i's last step, or 0.
    """
    if weight_decay:
        p *= 1 - lr * weight_decay  # all rows, also those without a gradient
    idle = (t - 1 - last[ids])[:, None]  # (N, 1) steps without a gradient, up to this one
    # Each step with g = 0 multiplies m by β₁ and v by β₂. adamw_update does so for step t.
    m_rows, v_rows = (
        a[ids] * (beta**idle).astype(a.dtype) for a, beta in zip((m, v), betas, strict=True)
    )  # (N, D)
    p_rows = p[ids]
    adamw_update(p_rows, g, m_rows, v_rows, t, lr=lr, betas=betas, eps=eps)
    p[ids], m[ids], v[ids], last[ids] = p_rows, m_rows, v_rows, t


class LazyAdamW(AdamW):
    """AdamW that moves only the rows of its matrices that have a gradient.

    The arguments are AdamW's. The gradient may be dense or a RowGradient, with the same result:
    rows that are all 0 do not count. t counts the steps of the whole matrix.

    Raises:
        ValueError: a parameter is not a matrix.
    """

    elementwise, by_rows = False, True  # blocks.py may cut the arrays between rows
    step_numbers = ("last",)

    def __init__(self, parameters, **options):
        super().__init__(parameters, **options)
        for name, p in self.parameters.items():
            if p.ndim != 2:
                raise ValueError(f"LazyAdamW: {name} {p.shape} is not a matrix; use AdamW")

    def new_state(self, p):
        return super().new_state(p) | {"last": np.zeros(len(p), np.int64)}

    def update(self, p, g, state, t, lr):
        used = g.rows.any(axis=1)  # (N,)
        ids, rows = g.ids[used], with_finite_squares(g.rows[used])
        lazy_adamw_update(
            p, ids, rows, state["m"], state["v"], state["last"], t, lr=lr, **self.options
        )
