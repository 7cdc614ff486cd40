"""What each position sees: how much the loss at the end depends on each token before it.

    influence[lag] = mean over texts of ‖∂loss/∂x[T-1-lag]‖        (T,), in nats per unit of x

loss is -ln p of the token after the text, and x[t] (D,) is the row with which token t enters
the first block. A lag from which no path leads to the end has the influence 0, exactly: v3's
convolutions have such holes. A small gradient does not say that the token does not matter, only
that a small change of its row does not.

The backward pass gives these gradients on its way: they are what arrives at the lookup of the
embedding.
"""

from contextlib import contextmanager

import numpy as np

from ..model.language_model import LanguageModel


def influence(
    model: LanguageModel,
    ids: np.ndarray,
    targets: np.ndarray,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """The influence at the lags 0, 1, ..., T-1 on the loss of targets (B,) after ids (B, T).

    It clears the gradients of the parameters. rng: for the sampled head.
    """
    B, T = ids.shape
    every = np.zeros_like(ids)
    every[:, -1] = targets
    last = np.arange(1, B + 1) * T - 1  # flat positions (B,)
    with _needs_gradient(model.embedding.weight):
        loss = model.loss(ids, every, last, rng)
        for node, dy, _ in loss.backward_steps():
            if node.operation.name == "embedding" and dy.shape[:2] == (B, T):
                dx = dy  # (B, T, D); tables that are added have the same
    model.zero_grad()
    # The loss is a mean over the texts, and a text's own loss depends on its own rows alone.
    return np.linalg.norm(B * dx, axis=-1).mean(axis=0)[::-1]


@contextmanager
def _needs_gradient(table):
    """Inside, a frozen table takes part, too."""
    before, table.requires_grad = table.requires_grad, True
    try:
        yield
    finally:
        table.requires_grad = before
