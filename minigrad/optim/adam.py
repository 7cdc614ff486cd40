"""Adam: AdamW's step, but a weight decay is a part of the gradient, as in PyTorch's Adam.

    g ← g + λ p              the gradient of the loss + λ/2 ‖p‖² ("L2 regularization")
    m, v and p               as in adamw.py, without its decay

The decay then passes through m/√v, as g does. So a weight with large gradients hardly decays,
and AdamW is the better choice with λ > 0. Without a decay, the default, both are the same.

source   Kingma & Ba 2015, arXiv:1412.6980, algorithm 1; λ as in PyTorch
"""

from .adamw import AdamW, adamw_update
from .norms import with_finite_squares


def adam_update(p, g, m, v, t, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    """Step number t (from 1) on p, m and v, in place."""
    if weight_decay:
        g = g + weight_decay * p
    adamw_update(p, g, m, v, t, lr=lr, betas=betas, eps=eps)


class Adam(AdamW):
    """Adam. The arguments are AdamW's; `weight_decay` is L2 regularization here."""

    decays_by_factor = False

    def update(self, p, g, state, t, lr):
        g = with_finite_squares(g)
        adam_update(p, g, state["m"], state["v"], t, lr=lr, **self.options)
